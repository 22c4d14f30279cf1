"""An Nsight Compute report (``.ncu-rep``) without what is private in it.

Block by block: the header of each, then its sources and results. Counters, launches and what sections and
rules say stay. Embedded code goes: sources, PTX and cubins hold whole programs, with the paths of their
files.
"""

from __future__ import annotations

import re
import shlex
import struct
from typing import TYPE_CHECKING, Final

from traceql.errors import ReportError
from traceql.read import protobuf
from traceql.read.ncu_rep import container, options, read
from traceql.read.protobuf import BYTES, WireError
from traceql.share.redact import removed as kinds
from traceql.share.redact.messages import is_numbers, text_rule, texts_within
from traceql.share.redact.names import FILTERS
from traceql.share.redact.removed import unknown
from traceql.share.redact.texts import NO_UUID, Facts, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from traceql.read.base import Progress
    from traceql.read.protobuf import Message
    from traceql.share.redact.names import Names
    from traceql.share.redact.removed import Removed

    #: What becomes of the bytes in a field; None: the field goes. Numbers stay.
    Rule = Callable[[bytes], bytes | None]
    #: The known fields of a message; one without a rule is kept as it is.
    Rules = Mapping[int, Rule | None]
    #: The fields of a message that have texts of one kind, and those of the messages in it.
    _Places = Mapping[int, "_Places | Rule"]

_VERSIONS: Final = range(5, 9)
_SOURCES, _SESSION, _STRINGS, _PAYLOAD_SIZE, _PROCESS = 1, 3, 4, 5, 6
# What a block holds, in the order of its payload → the count in its header.
_HELD: Final = {"source": 1, "kernel": 2, "range": 7, "cmdlist": 8, "graph": 9}
_HOST, _TARGET, _EXECUTABLE, _COMMAND_LINE = 3, 4, 9, 11
# What a text must hold for one of the rules to change it; of most metrics there is no need to look further.
_LOOKS_PRIVATE: Final = re.compile(
    rb"[/\\][\w.~ -][\x20-\x7e]{3}|://|\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]{1,4}::?[0-9A-Fa-f]{1,4}::?[0-9A-Fa-f]"
    rb"|::?[0-9A-Fa-f]{2,4}:|[0-9A-Fa-f]{4}::[0-9A-Fa-f]|\\\\"
    rb"|[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-"
)
# Names of attributes and components, and their versions.
_PLAIN: Final = re.compile(rb"[\w .()+-]*")
# ELF files of 64 bits: bytes of their head and of what describes a section, a flag of these.
_ELF_HEAD, _ELF_SECTION, _ELF_COMPRESSED = 64, 64, 0x800
_OF_EVERYBODY: Final = frozenset({"127.0.0.1", "localhost"})


def write(source: Path, target: Path, names: Names, removed: Removed, progress: Progress) -> None:
    """Write the report again.

    Args:
        source: the report.
        target: a new file.
        names: what stands for names.
        removed: where it is counted what went.
        progress: see `traceql.read.base.ReadFunction`.

    Raises:
        ReportError: it cannot be read.
        UnsupportedReportError: it holds something that is not known.
    """
    data = source.read_bytes()
    try:
        _check_version(source.name, data)
    except (WireError, struct.error) as error:
        raise ReportError(f"{source.name}: damaged ({error})", "Copy the file again.") from error
    # Sees that all blocks are whole, and that metrics hold what is known of them and nothing else.
    read(source, wanted=None, progress=progress)
    try:
        texts = Texts(_facts(data), names, removed)
        with target.open("wb") as file:
            for number, piece in enumerate(_Report(source.name, texts).written(data)):
                file.write(piece)
                progress(number, None)
    except (WireError, struct.error) as error:
        raise ReportError(f"{source.name}: damaged ({error})", "Copy the file again.") from error


def _check_version(file: str, data: bytes) -> None:
    if len(data) < 8 or data[:4] != container.MAGIC:
        raise ReportError(f"{file}: not an Nsight Compute report (no NVR header)")
    head = protobuf.message(data[8 : 8 + _length(data, 4)])
    if set(head) != {1} or protobuf.number(head, 1) not in _VERSIONS:
        raise unknown(file, "a version of the format", "file header")


def _blocks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The header and the payload of each block."""
    at = 8 + _length(data, 4)
    while at < len(data):
        size = _length(data, at)
        header = data[at + 4 : at + 4 + size]
        at += 4 + size
        payload = protobuf.number(protobuf.message(header), _PAYLOAD_SIZE) or 0
        yield header, data[at : at + payload]
        at += payload


def _facts(data: bytes) -> Facts:
    """Whom the report is about."""
    facts = Facts()
    for header, _ in _blocks(data):
        parsed = protobuf.message(header)
        for process in protobuf.submessages(parsed, _PROCESS):
            facts.hosts.update(set(protobuf.texts(process, 2)) - _OF_EVERYBODY)
        for session in protobuf.submessages(parsed, _SESSION):
            for number in (_HOST, _TARGET):
                for system in protobuf.submessages(session, number):
                    facts.hosts.update(set(protobuf.texts(system, 5)) - _OF_EVERYBODY)
            for executable in protobuf.submessages(session, _EXECUTABLE):
                for folder in protobuf.texts(executable, 3):
                    facts.folder(folder)
                for variables in protobuf.texts(executable, 4):
                    facts.environment(variables)
    return facts


class _Report:
    """One report as it is written again.

    Args:
        file: its name, for errors.
        texts: the rules for texts.
    """

    def __init__(self, file: str, texts: Texts) -> None:
        self._file = file
        self._texts = texts
        self._known: dict[bytes, bytes] = {}
        free, path = text_rule(texts.free), text_rule(texts.path)
        name, host = text_rule(texts.name), text_rule(self._host)
        keep: Rule | None = None
        emptied = {
            kind: text_rule(lambda text, kind=kind: texts.emptied(text, kind))  # type: ignore[misc]
            for kind in (kinds.COMMAND_LINE, kinds.ENVIRONMENT, kinds.PATH, kinds.IDENTIFIER, kinds.UNUSED)
        }
        kernel = text_rule(lambda text: self._called(text, kinds.KERNEL))
        system: Rules = {
            **dict.fromkeys((1, 3, 4), free),
            2: emptied[kinds.IDENTIFIER],
            6: keep,
            5: host,
            7: self._gone(kinds.ADDRESS),
        }
        value: Rules = {1: free, **dict.fromkeys((2, 3, 4, 5), keep)}
        attribute: Rules = {1: self._plain, 2: self._attribute_value}
        filters: Rules = {
            **dict.fromkeys((4, 5, 6), keep),
            **dict.fromkeys((1, 2, 3, 7), text_rule(self._filter)),
        }
        settings: Rules = {
            **dict.fromkeys((1, 2, 3, 4, *range(8, 17)), keep),
            5: self._rule(filters, "filter options"),
            6: self._rule({1: keep, 2: free}, "other options"),
            7: free,
        }
        executable: Rules = {
            1: text_rule(texts.program),
            2: emptied[kinds.COMMAND_LINE],
            3: emptied[kinds.PATH],
            4: emptied[kinds.ENVIRONMENT],
        }
        device: Rules = {1: keep, 2: free, 3: self._attribute}
        self._attribute_rules = attribute
        session: Rules = {
            **dict.fromkeys((1, 2), keep),
            _HOST: self._rule(system, "host"),
            _TARGET: self._rule(system, "target"),
            5: self._rule(
                {1: self._rule({1: keep, 2: self._property}, "device property")}, "device properties"
            ),
            6: self._rule(device, "GPU"),
            7: emptied[kinds.UNUSED],
            8: self._rule({1: self._plain, 2: self._plain}, "version"),
            _EXECUTABLE: self._rule(executable, "executable"),
            10: self._rule(settings, "settings"),
            _COMMAND_LINE: text_rule(self._command_line),
        }
        self._header: Rules = {
            **dict.fromkeys((1, 2, 7, 8, 9, _PAYLOAD_SIZE), keep),
            _SESSION: self._rule(session, "session"),
            _STRINGS: self._rule({1: free}, "strings"),
            _PROCESS: self._rule({1: keep, 2: host, 3: text_rule(texts.program)}, "process"),
        }
        frame: Rules = {1: path, 2: keep, 3: path, 4: text_rule(self._function), 5: keep}
        stack = self._rule({1: self._rule(frame, "frame"), 2: keep}, "stack")
        metric = self._rule(
            {
                1: keep,
                2: self._rule(value, "value"),
                3: self._rule({1: self._rule(value, "value"), 2: self._rule(value, "value")}, "instance"),
                4: keep,
            },
            "metric",
        )
        unremarkable = self._unless_remarkable(metric)
        named = text_rule(texts.name)
        said = self._once(lambda content: texts_within(content, texts.free))
        ranges = self._once(self._nvtx)
        gone = self._gone(kinds.CODE)
        source = text_rule(texts.source)
        source_file = self._rule({1: path, 2: source}, "source file")
        called = self._rule({1: name, **dict.fromkeys((2, 3, 4, 5), keep)}, "function")
        code: Rules = {
            2: gone,
            3: source,
            4: self._machine_code,
            8: self._rule({1: source_file}, "source files"),
            9: self._rule({1: called}, "functions"),
        }
        self._messages: dict[str, Rules] = {
            "source": {
                **dict.fromkeys((1, 5, 6, 7), keep),
                **(code if texts.names.keep_source else dict.fromkeys(code, gone)),
            },
            "kernel": {
                **dict.fromkeys(
                    (*range(1, 5), *range(8, 12), 14, 16, 20, *range(22, 26), 29, 30, 31, 33, 34, 35), keep
                ),
                **dict.fromkeys((5, 6, 7), kernel),
                12: emptied[kinds.UNUSED],
                13: unremarkable,
                15: self._source,
                17: said,
                18: gone,
                19: said,
                21: ranges,
                **dict.fromkeys((26, 27), named),
                28: stack,
                32: stack,
            },
            "range": {
                **dict.fromkeys((1, 2, 5, 6, 9, 11, 12, 15, 16, 18, 19, 21), keep),
                13: named,
                3: emptied[kinds.UNUSED],
                4: unremarkable,
                7: said,
                8: gone,
                10: ranges,
                14: stack,
                17: stack,
                20: said,
            },
            "cmdlist": {
                **dict.fromkeys((1, 2, 5, 6, 9, 11, 12, 13, 14, 15, 17, 19, 20, 23, 24, 25), keep),
                3: emptied[kinds.UNUSED],
                4: unremarkable,
                7: said,
                8: gone,
                10: ranges,
                16: stack,
                22: stack,
                18: name,
                21: said,
            },
            "graph": {
                **dict.fromkeys((1, 2, 5, 6, 9, 11, 12, 13, 17, 18, 20, 21, 23), keep),
                **dict.fromkeys((14, 15), named),
                3: emptied[kinds.UNUSED],
                4: unremarkable,
                7: said,
                8: gone,
                10: ranges,
                16: stack,
                19: stack,
                22: said,
            },
        }

    def written(self, data: bytes) -> Iterator[bytes]:
        """The file, in pieces."""
        size = _length(data, 4)
        yield data[: 8 + size]
        for header, payload in _blocks(data):
            held = b"".join(self._held(protobuf.message(header), payload))
            changed = self._message(header, self._header, "block header")
            out = b"".join(
                protobuf.again(number, wire_type, len(held) if number == _PAYLOAD_SIZE else value)
                for number, wire_type, value in protobuf.fields(changed, 0, len(changed))
            )
            yield struct.pack("<I", len(out)) + out + held

    def _held(self, header: Message, payload: bytes) -> Iterator[bytes]:
        at = 0
        for what, count in _HELD.items():
            for _ in range(protobuf.number(header, count) or 0):
                if at + 4 > len(payload):
                    raise WireError("a block has fewer results than it announces", at)
                size = _length(payload, at)
                content = payload[at + 4 : at + 4 + size]
                at += 4 + size
                out = self._message(content, self._messages[what], what)
                yield struct.pack("<I", len(out)) + out
        if at != len(payload):
            raise WireError("a block does not end with its results", at)

    # --- rules --------------------------------------------------------------------------------------------

    def _message(self, content: bytes, rules: Rules, what: str) -> bytes:
        out = []
        for number, wire_type, value in protobuf.fields(content, 0, len(content)):
            if number not in rules:
                raise unknown(self._file, "a field", f"field {number} of a {what}")
            rule = rules[number]
            if wire_type == BYTES and isinstance(value, bytes):
                if rule is None and not is_numbers(value):
                    raise unknown(self._file, "a text among numbers", f"field {number} of a {what}")
                changed = value if rule is None else rule(value)
                if changed is None:
                    continue
                value = changed
            out.append(protobuf.again(number, wire_type, value))
        return b"".join(out)

    def _rule(self, rules: Rules, what: str) -> Rule:
        return lambda content: self._message(content, rules, what)

    def _gone(self, kind: str) -> Rule:
        def rule(content: bytes) -> None:
            self._texts.removed.add(kind, int(bool(content)))

        return rule

    def _once(self, change: Rule) -> Rule:
        """The same is said of launch after launch."""

        def rule(content: bytes) -> bytes | None:
            if content not in self._known:
                self._known[content] = change(content) or b""
            return self._known[content]

        return rule

    def _unless_remarkable(self, rule: Rule) -> Rule:
        return lambda content: rule(content) if self._is_remarkable(content) else content

    def _is_remarkable(self, content: bytes) -> bool:
        return bool(_LOOKS_PRIVATE.search(content)) or self._texts.has_word(content)

    def _source(self, content: bytes) -> bytes:
        return self._message(content, self._messages["source"], "source")

    def _machine_code(self, content: bytes) -> bytes:
        if content and not _is_readable(content):
            raise unknown(self._file, "code that is no plain ELF file", "source")
        return self._texts.machine_code(content)

    def _plain(self, content: bytes) -> bytes:
        if not _PLAIN.fullmatch(content):
            raise unknown(self._file, "a text", "name or version")
        return content

    def _host(self, text: str) -> str:
        return text if text in _OF_EVERYBODY else self._texts.emptied(text, kinds.HOST, "host")

    def _property(self, content: bytes) -> bytes:
        return text_rule(lambda text: self._texts.free(self._texts.uuid(text)))(content) or b""

    def _attribute(self, content: bytes) -> bytes:
        named = protobuf.text(protobuf.message(content), 1) or ""
        if re.search(r"uuid|serial|luid|host|mac_|guid", named):
            rules: Rules = {1: self._plain, 2: self._nobodys}
            return self._message(content, rules, "attribute")
        return self._message(content, self._attribute_rules, "attribute")

    def _attribute_value(self, content: bytes) -> bytes:
        return self._message(
            content, {1: text_rule(self._texts.free), 2: None, 3: None, 4: None, 5: None}, "value"
        )

    def _nobodys(self, content: bytes) -> bytes:
        out = []
        for number, wire_type, value in protobuf.fields(content, 0, len(content)):
            instead = (
                0 if isinstance(value, int) else NO_UUID.encode() if wire_type == BYTES else bytes(len(value))
            )
            out.append(protobuf.again(number, wire_type, instead if value else value))
        self._texts.removed.add(kinds.IDENTIFIER, int(b"".join(out) != content))
        return b"".join(out)

    def _command_line(self, text: str) -> str:
        """The options that say how was measured, as `traceql.read.ncu_rep.options` reads them."""
        if not text:
            return text
        words = ["ncu"]
        for option, value in options.measured(text):
            # Behind an equals sign a value is one, also if it begins with a dash.
            if option.removeprefix("--").replace("-", "_") in FILTERS or option == "-k":
                value = self._filter(value)
            words.append(option if value in ("", "true") else f"{option}={self._texts.name(value)}")
        told = shlex.join(words)
        self._texts.removed.add(kinds.COMMAND_LINE, int(told != text))
        return told

    def _filter(self, text: str) -> str:
        """By which names was selected: without them, where names are replaced."""
        return self._called(text, kinds.KERNEL)

    def _function(self, text: str) -> str:
        return self._called(text, kinds.FUNCTION)

    def _called(self, text: str, kind: str) -> str:
        texts = self._texts
        return texts.names.pseudonym(texts.name(text), kind, texts.removed)

    def _nvtx(self, content: bytes) -> bytes:
        """Texts: 2.2.3.1 of threads' ranges, 3.3.2 of start/end ones, 5.2 of both, 1.3.2 registered ones."""
        ranged = text_rule(lambda text: self._called(text, kinds.RANGE))

        def opened(message: bytes, places: _Places) -> bytes:
            out = []
            for number, wire_type, value in protobuf.fields(message, 0, len(message)):
                inner = places.get(number)
                if wire_type == BYTES and isinstance(value, bytes):
                    if inner is None:
                        value = texts_within(protobuf.again(1, BYTES, value), self._texts.name)
                        value = protobuf.blobs(protobuf.message(value), 1)[0]
                    elif callable(inner):
                        value = inner(value) or b""
                    else:
                        value = opened(value, inner)
                out.append(protobuf.again(number, wire_type, value))
            return b"".join(out)

        said: _Places = {5: {2: ranged}}
        of_threads: _Places = {2: {3: {1: ranged, 2: said}}}
        return opened(content, {1: {3: {2: ranged}}, 2: of_threads, 3: {3: {2: ranged, 3: said}}})


def _is_readable(code: bytes) -> bool:
    """Whether machine code is an ELF file without compressed sections, so that its texts can be seen."""
    if len(code) < _ELF_HEAD or not code.startswith(b"\x7fELF\2\1"):
        return False
    (at,) = struct.unpack_from("<Q", code, 40)
    size, count = struct.unpack_from("<HH", code, 58)
    if size < _ELF_SECTION or at + size * count > len(code):
        return False
    flags = (struct.unpack_from("<Q", code, at + size * section + 8)[0] for section in range(count))
    return not any(one & _ELF_COMPRESSED for one in flags)


def _length(data: bytes, at: int) -> int:
    found: int = struct.unpack_from("<I", data, at)[0]
    return found
