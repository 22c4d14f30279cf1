"""Secrets at random places of every form are nowhere in the bytes of what is redacted, however they are written."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING, Any
from unittest import mock

import ncu_rep_file
import nsys_rep_file as rep
import planted
import planted_nsys
import pytest
from nsys_rep_file import message

from traceql.errors import UnsupportedReportError
from traceql.read.base import no_progress
from traceql.share.redact import Names, export_fields, nsys_fields, writers
from traceql.share.redact.removed import Removed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: What is said of somebody wherever names stand; {s} is a secret of which nothing else tells.
IN_NAMES = (
    "/home/{s}/x.py(12): forward", "at /data/{s}/k.cu", "/home/bob/{s} b/x.py(3): f", "/home/bob/a, {s}/k.cu", "../{s}/x",
    "src/{s}/k.cu:12", "load:/scratch/{s}/d", "https://u:{s}@intra/x", "D:\\work\\{s}", "\\\\srv\\{s}\\x", "of {s}u", "{S}HOST: step",
    "with {s}tok inside", "~/{s}/x", "/srv/{s}h/model(1)",
)  # fmt: skip
#: And in sentences and values.
IN_SENTENCES = (
    *IN_NAMES, "/own/{s}", "read /x/{s} of my/y", "wrote /x/my {s} plan.txt: full", "'/x/a {s} b'", '"C:\\Users\\{s} x\\y": no',
    "C:\\Users\\al b\\{s}\\c", "~{s}/x", "-I/x/{s}", "path=/x/{s};~/y", "file:///x/{s}", "models/{s}/weights.safetensors",
)  # fmt: skip
#: Whatever is removed as a whole.
ANYTHING = (*IN_SENTENCES, "{s}", "--key={s}", "A={s}")
#: What the report tells of whom it is about: nobody is called as the secret itself.
ENVIRONMENT = "USER={s}u\0HOSTNAME={s}host.example.org\0A_TOKEN={s}tok\0HOME=/srv/{s}h"

#: What becomes of a text → what is planted there.
_PLANTED = {
    "free": IN_SENTENCES, "name": IN_NAMES, "path": ("/x/{s}/y", "src/{s}/k.cu", "C:\\x\\{s}", "a b/{s}.txt"),
    **dict.fromkeys(("host", "device", "session", "folder", "file", "files", "emptied", "namespace", "zero", "annotations"), ANYTHING),
    **dict.fromkeys(("arguments", "command", "environment"), ANYTHING), "program": ("/x/{s}/python", "python {s}"),
}  # fmt: skip


class Planter:
    """Plants one secret.

    Args:
        seed: of what is chosen.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.secret = "".join(self.rng.choices("bcdfghjkmnpqrstvwxz", k=9)) + str(self.rng.randrange(10, 99))

    def one_of(self, templates: tuple[str, ...]) -> str:
        """A text with the secret in it."""
        return self.rng.choice(templates).format(s=self.secret, S=self.secret.upper())

    def is_in(self, said: bytes) -> bool:
        """Whether the secret is anywhere, in whatever letters."""
        low = said.lower()
        return any(
            self.secret.encode(code) in low for code in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")
        )


def _clean(source: Path) -> bytes:
    target = source.with_name("clean_" + source.name)
    writers.write(source, source.name, target, Names(), Removed(), no_progress)
    return planted_nsys.said(target)


def _check(planter: Planter, source: Path) -> None:
    assert planter.is_in(planted_nsys.said(source))
    assert not planter.is_in(_clean(source)), f"of {planter.secret}"


# --- reports of nsys ------------------------------------------------------------------------------------------


def _nested(numbers: list[int], text: str) -> bytes:
    content: bytes = text.encode()
    for number in reversed(numbers):
        content = rep.field(number, content)
    return content


#: Places of texts, but for those that hold words of nsys's own.
PLACES = [
    (place, action) for action, places in nsys_fields._TEXTS.items() if action in _PLANTED for place in places
]


def _with_place(place: str, text: str) -> dict[str, Any]:
    """The parts of a report that has a text at a place."""
    begin, *numbers = place.replace("ENV", "ENV.").split(".")
    path = list(map(int, numbers))
    if begin == "ENV":
        inner = _nested(path[1:], text) if path[1:] else text.encode()
        told = rep.field(2, rep.field(1, message((1, path[0]), (2, inner))))
        return {"header": planted_nsys.HEADER + rep.field(1, told)}
    if begin == "AO":
        return {"header": planted_nsys.HEADER + rep.field(2, _nested(path, text))}
    if begin == "H":
        return {"header": planted_nsys.HEADER + _nested(path, text)}
    if begin == "T":
        return {"target": _nested(path, text)}
    if begin == "NS":
        return {"schemas": _nested(path, text)}
    if begin == "I":
        content = _nested(path[1:], text) if path[1:] else text.encode()
        return {"index": {5: 2, path[0]: content}}
    section = next(name for name, prefix in nsys_fields.SECTIONS.items() if prefix == begin)
    return {"extra_sections": {**planted_nsys.SECTIONS, section: _nested(path, text)}}


def _environment(planter: Planter) -> bytes:
    told = ENVIRONMENT.format(s=planter.secret)
    return rep.field(1, rep.field(2, rep.field(1, message((1, 610), (2, told)))))


def _at(place: str, action: str, seed: int, source: Path) -> None:
    planter = Planter(seed)
    parts = _with_place(place, planter.one_of(_PLANTED[action]))
    parts["header"] = parts.get("header", planted_nsys.HEADER) + _environment(planter)
    source.write_bytes(planted_nsys.report(**parts))
    _check(planter, source)


def test_no_secret_is_left_at_some_places_of_a_report_of_nsys(tmp_path: Path) -> None:
    for seed, (place, action) in enumerate(random.Random(1).sample(PLACES, 10)):
        _at(place, action, seed, tmp_path / "planted.nsys-rep")


@pytest.mark.long
@pytest.mark.parametrize(("place", "action"), PLACES, ids=[place for place, _ in PLACES])
def test_no_secret_is_left_at_any_place_of_a_report_of_nsys(tmp_path: Path, place: str, action: str) -> None:
    for seed in range(3):
        _at(place, action, seed, tmp_path / "planted.nsys-rep")


def _events(planter: Planter) -> Iterator[bytes]:
    rng = planter.rng
    for _ in range(rng.randrange(1, 6)):
        match rng.randrange(6):
            case 0:
                yield rep.nvtx_range(1, 2, planter.one_of(IN_NAMES))
            case 1:
                yield rep.diagnostic(planter.one_of(IN_SENTENCES))
            case 2:
                yield rep.event(
                    75, 102, (1, 75), (2, 0), (7, planter.one_of(IN_NAMES)), (9, rep.TID), (13, 3), (14, 1)
                )
            case 3:
                foreign = planted_nsys.FOREIGN_PID + (rng.randrange(1, 9) << 24)
                yield rep.process(foreign, planter.one_of(ANYTHING), (9, planter.one_of(ANYTHING)))
            case 4:
                cache = message(
                    (1, planter.one_of(IN_SENTENCES)), (2, message((3, planter.one_of(IN_SENTENCES))))
                )
                yield rep.event(
                    48, 108, (1, 30), (2, 31), (3, 2), (6, 102), (7, 0), (13, rep.TID), (40, cache)
                )
            case 5:
                yield rep.event(
                    48,
                    108,
                    (1, 3),
                    (2, 4),
                    (3, 0),
                    (6, 27),
                    (7, 0),
                    (13, rep.TID),
                    (43, planter.one_of(_PLANTED["path"])),
                )


#: Uses of texts of the string table → what is planted there.
_STRINGS = {
    **dict.fromkeys(("demangled", "short", "symbol", "thread", "range", "python function"), IN_NAMES),
    **dict.fromkeys(("module", "file", "python file"), _PLANTED["path"]),
    **dict.fromkeys(
        ("foreign thread", "output", "unused", "foreign symbol", "foreign environment"), ANYTHING
    ),
}


@pytest.mark.parametrize("seed", range(12))
def test_no_secret_is_left_in_events_and_texts_of_a_report_of_nsys(tmp_path: Path, seed: int) -> None:
    planter = Planter(seed)
    strings = {
        use: planter.one_of(_STRINGS[use]) if use in _STRINGS and planter.rng.random() < 0.5 else text
        for use, text in {**planted_nsys.STRINGS, **planted_nsys.PYTHON_STRINGS}.items()
    }
    strings["environment"] = ENVIRONMENT.format(s=planter.secret)
    source = tmp_path / "planted.nsys-rep"
    events = [
        *_events(planter),
        planted_nsys.python_sample(planted_nsys.python_payload(planter.rng.randrange(3))),
    ]
    texts = list(strings.values())
    source.write_bytes(planted_nsys.report(*events, strings=texts, schemas=planted_nsys.PYTHON_SCHEMAS))
    _check(planter, source)


# --- reports of ncu -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_no_secret_is_left_in_a_report_of_ncu(tmp_path: Path, seed: int) -> None:
    planter = Planter(seed)
    of = ncu_rep_file.message

    def name() -> str:
        return planter.one_of(IN_NAMES)

    def sentence() -> str:
        return planter.one_of(IN_SENTENCES)

    frame = of(
        (1, planter.one_of(_PLANTED["path"])), (2, 7), (3, planter.one_of(_PLANTED["path"])), (4, name())
    )
    rule = of((1, "Rule"), (4, "Section"), (5, of((1, 1), (2, 7), (4, sentence()), (5, 2), (6, sentence()))))
    ranges = of((2, of((1, ncu_rep_file.THREAD), (2, of((1, 0), (3, of((1, name()))))))))
    parts = [
        (13, ncu_rep_file.metric(0, ncu_rep_file.value(sentence()))), (19, rule), (21, ranges), (32, of((1, frame))),
        (18, planter.one_of(ANYTHING)), (12, planter.one_of(ANYTHING)),
    ]  # fmt: skip
    chosen = sorted(planter.rng.sample(parts, planter.rng.randrange(1, 6)), key=lambda part: part[0])
    names = ("gemm", name(), "_Z4gemm")
    executable = of(
        (1, f"/x/{planter.secret}/python"), (2, planter.one_of(ANYTHING)), (3, f"/srv/{planter.secret}h"),
        (4, ENVIRONMENT.format(s=planter.secret).replace("\0", "\n")),
    )  # fmt: skip
    machine = of(
        (1, sentence()), (2, planter.one_of(ANYTHING)), (5, f"{planter.secret}host"), (7, planter.secret)
    )
    command = f"ncu --set full -o /x/{planter.secret} ./app --key {planter.secret}"
    session = of((3, machine), (4, machine), (9, executable), (11, command))
    source_of = of((1, 77), (2, planter.secret), (3, planter.secret), (4, planter.secret), (5, 0), (6, 90))
    block = ncu_rep_file.block(
        [ncu_rep_file.kernel(*chosen, names=names)], strings=["launch__note", sentence()], session=session, sources=[source_of]
    )  # fmt: skip
    source = tmp_path / "planted.ncu-rep"
    source.write_bytes(ncu_rep_file.report(block))
    _check(planter, source)


# --- exports --------------------------------------------------------------------------------------------------


def _rows(planter: Planter) -> dict[str, list[dict[str, Any]]]:
    """What is added to the tables of an export."""
    rng = planter.rng
    told = sorted(export_fields.PROPERTIES_TOLD - {"CpuInfo", "NicInfo"})
    gone = sorted(export_fields.PROPERTIES_EMPTIED.keys() - {"DeviceEnvironment"})
    options = sorted(export_fields.OPTIONS)
    environment = ENVIRONMENT.format(s=planter.secret)
    properties = [
        *((name, planter.one_of(IN_SENTENCES)) for name in rng.sample(told, 3)),
        *((name, planter.one_of(ANYTHING)) for name in rng.sample(gone, 3)),
        ("DeviceEnvironment", environment.replace("\0", "\n")),
    ]
    return {
        "META_DATA_CAPTURE": [
            *(
                # What the profiled program is called stays.
                {"name": f"PROCESS_0:{name}", "value": planter.one_of(_PLANTED.get(export_fields.OPTIONS[name], ANYTHING))}
                for name in rng.sample(options, 4)
            ),
            {"name": "MODE", "value": planter.one_of(IN_SENTENCES)},
        ],
        "META_DATA_EXPORT": [{"name": "EXPORT_PARAM_INPUT_PATH_ABS", "value": planter.one_of(ANYTHING)}],
        "TARGET_INFO_SYSTEM_ENV": [
            {"devStateName": planter.one_of(ANYTHING), "name": name, "nameEnum": 99, "value": value}
            for name, value in properties
        ],
        "StringIds": [{"id": 900_001 + row, "value": planter.one_of(ANYTHING)} for row in range(4)],
        "PROCESSES": [{"globalPid": (1 << 48) + (4242 << 24), "pid": 4242, "name": planter.one_of(ANYTHING)}],
        "ANALYSIS_FILE": [
            {"id": 900, "filename": planter.one_of(_PLANTED["path"]), "contentId": 900_001, "globalPid": 0}
        ],
        "DIAGNOSTIC_EVENT": [
            {"timestamp": 5, "timestampType": 1, "source": 1, "severity": 1, "text": planter.one_of(IN_SENTENCES), "globalPid": 0}
            for _ in range(4)
        ],
        "NVTX_EVENTS": [
            {"start": 1, "end": 2, "eventType": type_, "text": planter.one_of(IN_NAMES), "globalTid": 1, "domainId": 0}
            for type_ in (59, 75)
        ],
    }  # fmt: skip


def _unpacked(path: Path) -> bytes:
    """And what SQLite says of it: its texts may lie on several pages."""
    said = planted_nsys.said(path)
    if path.is_file():
        with sqlite3.connect(path) as connection:
            said += "\n".join(connection.iterdump()).encode()
        connection.close()
    return said


@pytest.mark.long
@pytest.mark.parametrize("format_", ["sqlite", "parquetdir", "arrowdir"])
@pytest.mark.parametrize("seed", range(3))
def test_no_secret_is_left_in_an_export(tmp_path: Path, format_: str, seed: int) -> None:
    planter = Planter(seed)
    make: Callable[[Path], Path] = planted.FORMATS[format_]
    with mock.patch.object(planted, "PLANTED", _rows(planter)):
        source = make(tmp_path)
    assert planter.is_in(_unpacked(source))
    target = tmp_path / f"clean_{source.name}"
    writers.write(source, source.name, target, Names(), Removed(), no_progress)
    assert not planter.is_in(_unpacked(target))


def test_a_secret_in_any_unknown_place_is_refused_or_gone(tmp_path: Path) -> None:
    # A text at a random place of a random section: nobody knows it, or it is one that is cleaned.
    source = tmp_path / "planted.nsys-rep"
    refused = 0
    for seed in range(60):
        planter = Planter(seed)
        begin = planter.rng.choice(["UI", "AA", "PP", "TC", "H", "AO", "T", "NS", "ENV"])
        numbers = [str(planter.rng.randrange(1, 130)) for _ in range(planter.rng.randrange(1, 4))]
        parts = _with_place(
            begin + ("" if begin == "ENV" else ".") + ".".join(numbers), planter.one_of(ANYTHING)
        )
        source.write_bytes(planted_nsys.report(**parts))
        try:
            assert not planter.is_in(_clean(source))
        except UnsupportedReportError as error:
            refused += 1
            assert not planter.is_in(str(error).encode())
    assert refused > 40
