"""Where texts stand in an Nsight Systems report outside its events, and what becomes of them.

Places are field numbers from the section inwards. Sections: AO collection options (also field 2 of the
header), AA activities of the agent, UI who imported it, PP presets, TC clocks, TE telemetry; H header, I
index, T GPUs and contexts, NS layouts of NVTX payloads; ENV a property of the machine, by its number.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from traceql.read import protobuf
from traceql.read.protobuf import BYTES
from traceql.share.redact import removed as kinds
from traceql.share.redact.messages import Fields, text_rule
from traceql.share.redact.removed import unknown
from traceql.share.redact.texts import NO_ANNOTATIONS, NO_UUID, PLACE
from traceql.share.redact.words import words

if TYPE_CHECKING:
    from traceql.read.protobuf import Value
    from traceql.share.redact.messages import Rule
    from traceql.share.redact.texts import Texts

#: Section → what its places begin with.
SECTIONS: Final = {
    "Analysis Options Data": "AO",
    "Agent activity list": "AA",
    "Profiling Preset Data": "PP",
    "Time Conversion Data": "TC",
    "UI Data": "UI",
    "Telemetry": "TE",
}

_OPTIONS_OF_ACTIVITIES: Final = ("AA.1.50.1.4", "AA.1.52.1.9")


def _within(place: str, *numbers: int | str) -> tuple[str, ...]:
    return tuple(f"{place}.{number}" for number in numbers)


# What becomes of a text → where such texts stand.
_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    # Names, versions, descriptions; private parts of them go.
    "free": (
        *_within("UI", 4, 6, 7, 20, 21, 22),
        *_within("PP.10.1.8", 1, 2),
        *(
            "ENV3",
            "ENV5",
            "ENV7",
            "ENV13",
            "ENV14",
            "ENV205",
            "ENV600",
            "ENV601",
            "ENV605",
            "ENV880",
            "ENV902",
        ),
        *("ENV891.1", *_within("ENV891.2", 1, 2, 3, 4, 5), *_within("ENV894.1", 1, 2), "ENV923.1.3"),
        *(*_within("ENV924.1", 1, 2, 3, 4), *_within("ENV897.1", 2, 3, 7, 48, 50), "ENV910.1.2"),
        *(*_within("ENV912.4.2", 2, 3), *_within("ENV912.4.3", 2, 3, 4), "ENV912.5.1.2.1"),
        *(*_within("ENV912.6.1", 2, 3), *_within("ENV912.4.2.5", 1, 2, 3), *_within("ENV912.6.1.5", 1, 2, 3)),
        *(*_within("T.1.2.7", 2, 3, 7, 48, 50), *_within("T.1.2.1", 1, 26)),
        *("I.9", *_within("I.13.4", 1, 2, 3, 4, 6), *_within("I.14.3.5", 1, 2, 3), "I.14.5.1"),
        *(*_within("NS.3.2.4", 7, 8), "NS.3.2.4.10.3", "NS.3.2.5", "NS.3.4.3", "NS.3.4.4.1"),
        *("NS.3.5.6.3", "NS.3.5.7", "NS.6.2", "T.2.4.1"),
        *("T.22.1", *_within("T.23", 1, 2, 3, 6), *_within("AO.69.10", 1, 2, 3)),
        *(place for options in _OPTIONS_OF_ACTIVITIES for place in _within(f"{options}.18.11", 1, 2, 3)),
    ),
    # What programs call counters, what these belong to, and CUDA's devices, contexts and streams.
    "name": ("NS.3.5.5", "NS.3.6.4", "T.11.1", "T.12.1", "T.13.1"),
    # What a number of a payload means, and what a communicator of MPI is, as numbers.
    "meaning": ("NS.3.2.4.10.2", "NS.3.3.4", "NS.3.5.6.2"),
    "host": ("AO.9", "AA.1.50.1.10", *_within("UI", 5, 24, 40), "ENV619"),
    "device": ("AO.1", "AA.1.50.1.9", "H.1.1"),
    "session": ("AO.77", "AA.1.50.1.20", "UI.2"),
    "gpu": ("ENV897.1.5", "T.1.2.7.5"),
    "path": (*_within("H.40", 1, 2), "H.41.1", "H.44.2.1.2"),
    # Which functions of Python are annotated, and the file that says so.
    "annotations": ("AO.86.1", *(f"{options}.54.1" for options in _OPTIONS_OF_ACTIVITIES)),
    "folder": (
        *("AO.26.12", "AO.86.2", "AA.1.50.11", "AA.1.52.1.3"),
        *(f"{options}.54.2" for options in _OPTIONS_OF_ACTIVITIES),
    ),
    "program": ("AO.26.10", "AA.1.51.1.1.3", "AA.1.52.1.1", "AA.1.53.2.1.3"),
    "arguments": ("AO.26.11", "AO.26.30", "AA.1.52.1.2", "AA.1.52.1.5"),
    "command": ("UI.25", "AA.1.52.3"),
    "environment": ("ENV610", "H.50", "AO.67"),
    "file": ("UI.1",),
    "files": (
        "UI.23",
        "PP.2",
        "ENV170",
        "ENV173",
        *_within("T.1.2.7", 16, 17),
        *_within("ENV897.1", 16, 17),
    ),
    "emptied": (
        *(place for options in _OPTIONS_OF_ACTIVITIES for place in _within(options, "4.6", "4.7", 7, 15, 16)),
        *_within("AA.1.50", 10, 61, 130),
        *("ENV882", "ENV911", "ENV921", "NS.5.4"),
    ),
    "version": ("ENV618",),
    "namespace": ("ENV721", "ENV722"),
    "number": _within("H.16.1", 3, 4, 5),
    "zero": ("AA.1.50.1.21", "AA.1.52.1.10"),
    "word": (
        *("AO.34.1", "AA.1.50.92", "H.16.1.6", "H.42.2"),
        *(place for options in _OPTIONS_OF_ACTIVITIES for place in _within(options, "5.2", "6.1")),
    ),
    # Not texts: the UUIDs that stand for kinds of clocks.
    "clock": ("TC.1.1.1", *_within("TC.2.1", 1, 2)),
}

#: Places of messages that are looked into.
MESSAGES: Final = words(
    """
    AA.1 AA.1.50 AA.1.50.1 AA.1.50.32 AA.1.51 AA.1.51.1 AA.1.51.1.1 AA.1.52 AA.1.52.1 AA.1.53 AA.1.53.2
    AA.1.53.2.1 AA.1.54 AO.2 AO.12 AO.18 AO.26 AO.26.49 AO.26.93 AO.34 AO.69 AO.69.10 AO.70 AO.70.4 AO.78
    AO.86 AO.92 AO.92.9 AO.92.10 ENV891 ENV891.2 ENV894 ENV894.1 ENV897 ENV897.1 ENV910 ENV910.1 ENV912
    ENV912.3 ENV912.4 ENV912.4.2 ENV912.4.2.5 ENV912.4.3 ENV912.5 ENV912.5.1 ENV912.5.1.2 ENV912.6 ENV912.6.1
    ENV912.6.1.5 ENV923 ENV923.1 ENV924 ENV924.1 H.16 H.16.1 H.40 H.41 H.42 H.43 H.44 H.44.2 H.44.2.1 I.13
    I.13.4 I.14 I.14.3 I.14.3.5 I.14.5 NS.2 NS.3 NS.3.2 NS.3.2.4 NS.3.2.4.10 NS.3.3 NS.3.4 NS.3.4.4 NS.3.5
    NS.3.5.6 NS.3.6 NS.5 NS.6 PP.10 PP.10.1 PP.10.1.8 PP.10.1.18 T.1 T.1.2 T.1.2.1 T.1.2.7 T.1.2.7.8 T.1.2.9
    T.2 T.2.4 T.11 T.12 T.13 T.14 T.15 T.22 T.23 T.24 TC.1 TC.1.1 TC.2 TC.2.1 TC.2.1.3 TC.2.1.3.1 TC.2.1.4
    UI.50
    """
) | {
    (options + inner)
    for options in _OPTIONS_OF_ACTIVITIES
    for inner in (
        "",
        *(f".{one}" for one in words("4 5 5.9 5.10 5.11 6 12 14 18 18.11 26 33 37 38 46 54 60 60.1")),
    )
}

_LOCAL: Final = "Local (CLI)"
# Or a version of three numbers: four may be an address.
_NUMBER: Final = re.compile(rb"(?:-?\d+(?:\.\d*){0,2}(?:e[-+]?\d+)?)?")
# The id of a network card is its MAC address.
_CARD_ID: Final = ("ENV910.1", 6)
# What nothing is removed from must have this form.
_FORMS: Final = {
    "number": rb"[-+0-9.eE]*",
    "word": rb"\w*",
    "clock": rb"(?s).{16}|",
    "meaning": rb"(?s)(?!.*[ -~]{4}).*",
}


class Inventory:
    """The rules for everything but the events and the string table.

    Args:
        file: name of the file, for errors.
        texts: the rules for texts.
    """

    def __init__(self, file: str, texts: Texts) -> None:
        self._file = file
        self._texts = texts
        rules = {place: self._rule(action, place) for action, places in _TEXTS.items() for place in places}
        rules["ENV910.1"] = self._network_card
        self._fields = Fields(file, rules, MESSAGES)

    def message(self, content: bytes, place: str) -> bytes:
        """A section, or a part of the raw section."""
        return self._fields.redacted(content, place)

    def header(self, content: bytes) -> bytes:
        """The header: what the machine is like, collection options, clocks, modules."""
        out = []
        for number, wire_type, value in protobuf.fields(content, 0, len(content)):
            if number == 1 and isinstance(value, bytes):
                out.append(protobuf.field(1, self._machine(value)))
            elif number == 2 and isinstance(value, bytes):
                out.append(protobuf.field(2, self.message(value, "AO")))
            else:
                out.append(self.message(protobuf.again(number, wire_type, value), "H"))
        return b"".join(out)

    def _machine(self, content: bytes) -> bytes:
        out = []
        for number, wire_type, value in protobuf.fields(content, 0, len(content)):
            if number == 1 and isinstance(value, bytes):
                value = self._fields.rules["H.1.1"](value) or b""
            elif number == 2 and isinstance(value, bytes):
                value = self._properties(value)
            elif wire_type == BYTES:
                raise unknown(self._file, "a text about the machine", f"field H.1.{number}")
            out.append(protobuf.again(number, wire_type, value))
        return b"".join(out)

    def _properties(self, content: bytes) -> bytes:
        out = []
        for number, _, value in protobuf.fields(content, 0, len(content)):
            if number != 1 or not isinstance(value, bytes):
                raise unknown(self._file, "something beside the properties of the machine", f"field {number}")
            parsed = protobuf.message(value)
            if set(parsed) - {1, 2}:
                raise unknown(self._file, "a property of the machine", f"field H.1.2.1.{max(parsed)}")
            which = protobuf.number(parsed, 1) or 0
            out.append(protobuf.field(1, self._property(which, parsed.get(2, []))))
        return b"".join(out)

    def _property(self, which: int, values: list[Value]) -> bytes:
        out = protobuf.field(1, which)
        for value in values:
            place = f"ENV{which}"
            if isinstance(value, bytes) and (place in self._fields.rules or not _NUMBER.fullmatch(value)):
                value = self._fields.field(value, place) or b""
            out += protobuf.field(2, value)
        return out

    def _network_card(self, content: bytes) -> bytes:
        out = []
        for number, wire_type, value in protobuf.fields(content, 0, len(content)):
            if number == _CARD_ID[1] and isinstance(value, int) and value != 1:
                self._texts.removed.add(kinds.ADDRESS)
                value = 1
            out.append(protobuf.again(number, wire_type, value))
        return self._fields.redacted(b"".join(out), _CARD_ID[0])

    def _rule(self, action: str, place: str) -> Rule:
        texts = self._texts
        if action == "arguments":
            return self._arguments
        if action in _FORMS:
            return partial(self._plain, place, _FORMS[action])
        return text_rule(
            {
                "free": texts.free,
                "name": texts.name,
                "host": lambda text: texts.emptied(text, kinds.HOST, "host"),
                "device": lambda text: text if text == _LOCAL else texts.emptied(text, kinds.HOST, "device"),
                "session": lambda text: texts.emptied(text, kinds.IDENTIFIER, NO_UUID),
                "gpu": texts.uuid,
                "path": texts.path,
                "folder": lambda text: texts.emptied(text, kinds.PATH, PLACE),
                "program": texts.program,
                "command": lambda text: texts.emptied(text, kinds.COMMAND_LINE),
                "annotations": lambda text: texts.emptied(text, kinds.COMMAND_LINE, NO_ANNOTATIONS),
                "environment": lambda text: texts.emptied(text, kinds.ENVIRONMENT),
                "file": lambda text: texts.emptied(text, kinds.PATH, "report"),
                "files": lambda text: texts.emptied(text, kinds.PATH),
                "emptied": lambda text: texts.emptied(text, kinds.UNUSED),
                "version": lambda text: (re.match(r"\d+(\.\d+)*|", text) or [""])[0],
                "namespace": lambda text: texts.emptied(text, kinds.IDENTIFIER, "pid:[0]"),
                "zero": lambda text: texts.emptied(text, kinds.IDENTIFIER, "0"),
            }[action]
        )

    def _arguments(self, content: bytes) -> None:
        if content:
            self._texts.removed.add(kinds.COMMAND_LINE)

    def _plain(self, place: str, pattern: bytes, content: bytes) -> bytes:
        if not re.fullmatch(pattern, content):
            raise unknown(self._file, f"a text of {len(content)} bytes", f"field {place}")
        return content
