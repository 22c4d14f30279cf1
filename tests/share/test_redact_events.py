"""Events that no table has, and what stands beside them, are redacted as those that one has."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING

import nsys_rep_file as rep
import numpy as np
import planted_nsys
import pytest
from helpers_robust import plain
from nsys_rep_file import message
from planted import SECRET

from traceql.errors import UnsupportedReportError
from traceql.read.base import no_progress
from traceql.read.buffer import Buffer
from traceql.read.nsys_rep import binary_payloads, layout, messages
from traceql.read.nsys_rep.container import open_container
from traceql.share.redact import Names, nsys_events, writers
from traceql.share.redact.payloads import Domains, Entry, Layout, Payloads
from traceql.share.redact.removed import Removed

if TYPE_CHECKING:
    from pathlib import Path

COUNTER = (1 << 48) + 1
#: The thread in which a counter was sampled.
THREAD = message((1, 0), (2, 1), (3, 42), (4, 43))


def switch(*more: tuple[int, rep.Value], owner: int = planted_nsys.FOREIGN_PID) -> bytes:
    """A switch of a GPU to the context of a process."""
    return rep.event(58, 114, (1, 8), (2, 0), (3, 7), (4, 65), (6, 1_234), (7, owner), (8, 0), *more)


def sample(content: bytes, *more: tuple[int, rep.Value], type_: int = COUNTER) -> bytes:
    """A sample of a counter."""
    return message((1, type_), (2, 99), (3, content), (4, THREAD), *more)


def described(*fields: bytes, type_: int = COUNTER) -> bytes:
    """The layout of a counter's samples."""
    return message((1, type_), (2, 0), *((3, one) for one in fields))


def number(name: int, *, offset: int = 0, size: int = 8, kind: int = 3, more: bytes = b"") -> bytes:
    """One number of a sample."""
    return message((1, name), (2, offset), (3, size), (8, kind)) + more


def report(
    *events: bytes, samples: tuple[bytes, ...] = (), types: tuple[bytes, ...] = (), **changed: object
) -> bytes:
    """The report with planted secrets, with more events and samples."""
    every = [*planted_nsys.EVENTS, *events]
    content = b"".join([rep.field(1, one) for one in every] + [rep.field(2, one) for one in samples])
    layouts = {14: types[0]} if types else {}
    index = {5: 2, 1: len(every) + len(samples), **layouts}
    return planted_nsys.report(raw_blocks=[rep.block(content)], index=index, **changed)


def redacted(content: bytes, folder: Path, **how: bool) -> bytes:
    """All bytes of the redacted report, unpacked."""
    source, target = folder / "planted.nsys-rep", folder / "clean.nsys-rep"
    source.write_bytes(content)
    writers.write(source, source.name, target, Names(**how), Removed(), no_progress)
    return planted_nsys.bytes_of(target)


def test_switches_of_a_gpu_stay_and_tell_nothing_of_other_processes(tmp_path: Path) -> None:
    found = redacted(report(switch()), tmp_path)
    assert switch() in found
    # A process whose contexts alone are told was not profiled.
    assert f"{SECRET}d".encode() not in found and b"process-2" in found


def test_a_switch_with_anything_else_is_refused(tmp_path: Path) -> None:
    for more in ((9, f"of {SECRET}"), (9, 1)):
        with pytest.raises(UnsupportedReportError, match=r"field 114\.9") as refused:
            redacted(report(switch(more)), tmp_path)
        assert SECRET not in str(refused.value)


def test_samples_of_counters_stay_and_their_names_lose_what_is_private(tmp_path: Path) -> None:
    names = [*planted_nsys.STRINGS.values(), "Power", f"tokens of {SECRET}u"]
    value = sample((300).to_bytes(8, "little") + (7).to_bytes(8, "little"))
    layout = described(number(len(names) - 2), number(len(names) - 1, offset=8, kind=1))
    found = redacted(report(samples=(value,), types=(layout,), strings=names), tmp_path)
    assert value in found and layout in found
    assert b"Power" in found and b"tokens of user" in found
    assert SECRET.encode() not in found
    # Of a counter without a value just then there is one byte.
    assert sample(b"\2") in redacted(
        report(samples=(sample(b"\2"),), types=(layout,), strings=names), tmp_path
    )


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        (f"{SECRET:<24}".encode(), described(number(0))),
        (f"{SECRET:<24}".encode(), described(number(0), number(0, offset=1_000))),
        (f"{SECRET:<24}".encode(), described(number(0, size=24))),
        (SECRET[:8].encode(), described(number(0, kind=4))),
        (SECRET[:8].encode(), described(number(0, more=rep.field(5, message((1, "text")))))),
        (SECRET.encode(), described()),
        (SECRET[:8].encode(), described(number(0), type_=COUNTER + 1)),
    ],
)
def test_a_sample_that_may_hold_more_than_its_numbers_is_refused(
    tmp_path: Path, content: bytes, layout: bytes
) -> None:
    with pytest.raises(UnsupportedReportError, match="generic event") as refused:
        redacted(report(samples=(sample(content),), types=(layout,)), tmp_path)
    assert SECRET not in str(refused.value)


def test_a_sample_with_another_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedReportError, match="field 5 of an event"):
        redacted(report(samples=(sample(bytes(8), (5, SECRET)),), types=(described(number(0)),)), tmp_path)


#: Of counters and scopes: what is told beside the samples.
MEANING = message((1, 5), (2, (72).to_bytes(4, "little") + bytes(68)), (3, f"W of {SECRET}u"))
SCHEMAS = rep.message((1, 260), (3, message(
    (1, 7),
    (2, message((1, 1 << 32), (4, message((1, 16), (7, f"Power of {SECRET}u"), (8, f"see /home/{SECRET}/x"), (10, MEANING))))),
    (3, message((1, 5), (4, (40).to_bytes(4, "little") + bytes(36)))),
    (4, message((1, 1), (2, 1 << 32), (3, f"Kind of {SECRET}u"), (4, message((1, "prefill"), (2, 1))))),
    (5, message((1, 1), (2, 17), (5, f"GPU of {SECRET}host"), (6, MEANING), (7, f"in /home/{SECRET}"))),
    (6, message((1, 1), (2, 1 << 32), (4, f"pool/{SECRET}u/0"))),
)), (5, message((1, 2), (4, f"Open MPI, package {SECRET}@{SECRET}"))))  # fmt: skip


def test_what_is_told_of_counters_their_units_and_scopes_loses_what_is_private(tmp_path: Path) -> None:
    found = redacted(report(schemas=SCHEMAS), tmp_path)
    for text in (b"Power of user", b"W of user", b"GPU of host", b"pool/user/0", b"Kind of user", b"prefill"):
        assert text in found, text
    assert SECRET.encode() not in found


def test_a_meaning_that_holds_letters_is_refused(tmp_path: Path) -> None:
    told = message((1, 5), (2, b"\x48\0\0\0" + SECRET.encode()))
    scope = message((1, 1), (2, 17), (5, "scope"), (6, told))
    with pytest.raises(UnsupportedReportError, match=r"NS\.3\.5\.6\.2"):
        redacted(report(schemas=rep.field(3, rep.field(5, scope))), tmp_path)


def test_names_of_devices_contexts_and_streams_lose_what_is_private(tmp_path: Path) -> None:
    names = message(
        *((field, message((1, f"decode of {SECRET}u {field}"), (2, 0))) for field in (11, 12, 13))
    )
    found = redacted(report(target=names), tmp_path)
    for field in (11, 12, 13):
        assert f"decode of user {field}".encode() in found
    assert SECRET.encode() not in found


def test_files_that_calls_opened_lose_their_folders(tmp_path: Path) -> None:
    def opened(path: str) -> bytes:
        return rep.event(
            48, 108, (1, 3), (2, 4), (3, 0), (6, 27), (7, 0), (13, rep.TID), (32, 8), (32, 9), (43, path), (43, "r")
        )  # fmt: skip

    found = redacted(report(opened(f"/home/{SECRET}/x"), opened("/proc/cpuinfo")), tmp_path)
    assert SECRET.encode() not in found
    assert opened("/proc/cpuinfo") in found


def test_a_fault_of_a_page_stays(tmp_path: Path) -> None:
    of = message((1, 9), (2, 11), (6, 1), (8, 77), (10, 0), (11, 11))
    page = rep.event(119, 124, (1, 5), (2, rep.PID), (3, 4_096), (4, of))
    assert page in redacted(report(page), tmp_path)


# --- binary payloads ------------------------------------------------------------------------------------------

_OWN = 1 << 24
_PAIR, _LETTERS = _OWN + 1, _OWN + 2
#: Flags of an entry.
FIXED, ENDED_BY_ZERO, LENGTH_TOLD, OFFSET, DEEP = 0x10, 0x20, 0x30, 0x04, 0x100


def fault(entries: list[tuple[int, ...]], content: bytes, size: int = 0) -> str | None:
    """Why a payload may hold texts; its layout may name one of two numbers of 64 bits, and one of letters."""
    payloads = Payloads()
    payloads.layouts[_OWN].add(Layout(tuple(Entry(*one) for one in entries), size))
    payloads.layouts[_PAIR].add(Layout((Entry(18), Entry(18, 0, 8)), 16))
    payloads.layouts[_LETTERS].add(Layout((Entry(18), Entry(14, 0, 8)), 16))
    payloads.see(_OWN, content)
    return payloads.fault()


@pytest.mark.parametrize(
    ("entries", "content"),
    [
        ([(18, 0)], bytes(8)),
        ([(18, 0), (18, LENGTH_TOLD, 8)], b"\x63" + bytes(7 + 99 * 8)),
        ([(16, FIXED, 0, 100)], bytes(400)),
        # Where a text was in the program.
        ([(75, DEEP), (17, 0, 8)], bytes(16)),
        # Rows of layouts, as many as they say; cut short, too.
        ([(16, 0), (_PAIR, LENGTH_TOLD, 8, 0)], b"\3" + bytes(7 + 3 * 16)),
        ([(16, 0), (_PAIR, LENGTH_TOLD, 8, 0)], b"\3" + bytes(7 + 2 * 16)),
        ([(18, 0), (_PAIR, FIXED, 8, 2)], bytes(8 + 2 * 16)),
        ([(18, 0), (_PAIR, 0, 8)], bytes(8 + 16)),
        # Without offsets, which follow from what stands before.
        ([(16, 0), (_PAIR, LENGTH_TOLD, 0, 0)], b"\3" + bytes(7 + 3 * 16)),
        ([(16, 0), (16, 0), (80, 0), (_PAIR, FIXED, 0, 2)], bytes(16 + 2 * 16)),
    ],
)
def test_payloads_of_numbers_pass(entries: list[tuple[int, ...]], content: bytes) -> None:
    assert fault(entries, content) is None


@pytest.mark.parametrize(
    ("entries", "content", "size", "said"),
    [
        # Behind a row of numbers, as many as it says; in a layout that is larger than what it describes.
        (
            [(18, 0), (18, LENGTH_TOLD, 8)],
            b"\1" + bytes(15) + b"my secret password",
            0,
            "longer than its rows",
        ),
        (
            [(18, 0), (_PAIR, FIXED, 256, 1)],
            bytes(8) + b"my secret".ljust(264),
            256,
            "larger than its numbers",
        ),
    ],
)
def test_what_stands_beside_rows_is_refused(
    entries: list[tuple[int, ...]], content: bytes, size: int, said: str
) -> None:
    assert said in (fault(entries, content, size) or "")


def test_what_a_layout_has_room_for_and_does_not_describe_is_blanked() -> None:
    """As XLA's does, which is a structure of its own with three numbers in it."""
    payloads = Payloads()
    payloads.layouts[_OWN].add(Layout((Entry(80, 0, 24), Entry(15, 0, 36), Entry(80, 0, 48)), 64))
    content = (
        b"my secret password 12345" + bytes([7, *bytes(7)]) + b"more\3\0\0\0again..." + bytes(8) + b"the end."
    )
    payloads.see(_OWN, content)
    assert payloads.fault() is None
    assert payloads.blanks(_OWN) == ((0, 24), (32, 36), (40, 48), (56, 64))
    assert payloads.has_blanks
    after = payloads.blanked(_OWN, content)
    assert after == bytes(24) + bytes([7, *bytes(11), 3, *bytes(3)]) + bytes(24)
    assert {number for number, _ in payloads.texts} == {0, 7}
    # Longer than its layout says, it may hold anything.
    payloads.see(_OWN, content + b".")
    assert "longer than its 3 numbers" in (payloads.fault() or "")


def test_each_of_several_payloads_of_an_event_is_blanked_by_its_own_domains_layout() -> None:
    domains = Domains()
    payloads = domains[5]
    payloads.layouts[_OWN].add(Layout((Entry(80, 0, 24), Entry(15, 0, 36), Entry(80, 0, 48)), 64))
    domains[6].layouts[_OWN].add(Layout((Entry(18), Entry(18, 0, 8)), 16))
    domains[6].see(_OWN, bytes(16))
    content = b"my secret password 12345" + bytes(12) + b"\3\0\0\0again..." + bytes(12) + b"the"
    content = content.ljust(64, b"!")
    several = [(_OWN, content), (_OWN, bytes(64)), (_OWN, content[::-1])]
    for _, one in several:
        payloads.see(_OWN, one)

    def written(payloads: list[tuple[int, bytes]]) -> bytes:
        held = message(*((9, message(*enumerate(one, 1))) for one in payloads))
        return message((7, b"before"), (8, held), (13, 5))

    buffer = Buffer([written(several)])
    at, until = np.array([0]), np.array([buffer.size])
    fields = messages.decode(
        buffer, at, until, layout.SHAPES[layout.NVTX],
        path=(layout.NVTX,), keep={nsys_events._DOMAIN}, repeated=layout.REPEATED, unknown=messages.Unknown(),
    )  # fmt: skip
    events = nsys_events._Events(layout.NVTX, np.array([59]), at, until, at, until, fields)
    found = [
        (one, bytes(buffer.view[start:end]))
        for _, one, start, end in binary_payloads.places(buffer, fields, 1)
    ]
    assert found == several
    blanked = written([(one, payloads.blanked(one, content)) for one, content in several])
    assert domains.fault() is None and domains.has_blanks
    assert nsys_events._blanked(buffer, events, domains) == {0: blanked}
    assert b"secret" not in blanked and b"terces" not in blanked


def test_a_layout_has_room_for_its_rows_of_a_fixed_length() -> None:
    entries: list[tuple[int, ...]] = [(18, 0), (15, FIXED, 8, 3), (18, 0, 24)]
    assert fault(entries, bytes(32), 32) is None
    assert "larger than its numbers" in (fault(entries, bytes(40), 40) or "")


def test_a_row_in_a_layout_within_another_is_refused() -> None:
    payloads = Payloads()
    payloads.layouts[_OWN].add(Layout((Entry(_PAIR),), 0))
    payloads.layouts[_PAIR].add(Layout((Entry(17), Entry(17, LENGTH_TOLD, 8, 0)), 8))
    payloads.see(_OWN, b"\2" + bytes(7 + 16) + b"my secret password")
    assert "a row of type 17" in (payloads.fault() or "")


@pytest.mark.parametrize(
    ("entries", "content"),
    [
        ([(18, 0)], bytes(9)),
        # Rows of bytes and of letters of 16 bits, and texts within.
        ([(18, 0), (12, LENGTH_TOLD, 8)], bytes(16)),
        ([(14, FIXED)], bytes(16)),
        ([(75, FIXED)], bytes(8)),
        ([(75, OFFSET)], bytes(8)),
        ([(18, OFFSET | LENGTH_TOLD)], bytes(8)),
        ([(75, DEEP)], bytes(9)),
        ([(1, 0)], bytes(1)),
        # Rows of layouts: of letters, with more behind them, of which nothing tells how many there are, elsewhere.
        ([(16, 0), (_LETTERS, LENGTH_TOLD, 8, 0)], b"\1" + bytes(7 + 16)),
        ([(16, 0), (_PAIR, LENGTH_TOLD, 8, 0)], b"\2" + bytes(7 + 2 * 16 + 1)),
        ([(16, 0), (_PAIR, LENGTH_TOLD, 8, 0)], b"\2" + bytes(7 + 2 * 16 + 15)),
        ([(18, 0), (_PAIR, FIXED, 8, 2)], bytes(8 + 3 * 16)),
        ([(16, 0), (_PAIR, LENGTH_TOLD, 8, 7)], bytes(8)),
        ([(19, 0), (_PAIR, LENGTH_TOLD, 8, 0)], bytes(8)),
        ([(16, 0), (_PAIR, ENDED_BY_ZERO, 8, 0)], bytes(8)),
        ([(16, 0), (_PAIR, LENGTH_TOLD | OFFSET, 8, 0)], bytes(8)),
        # Of one without a description, and of itself.
        ([(18, 0), (_OWN + 9, LENGTH_TOLD, 8, 0)], bytes(8)),
        ([(18, 0), (_OWN, 0, 8)], bytes(8)),
        # A text, and rows, behind what may have any length, without an offset.
        ([(75, DEEP), (80, 0)], bytes(16)),
        ([(16, 0), (75, DEEP), (_PAIR, LENGTH_TOLD, 0, 0)], b"\1" + bytes(15 + 16)),
    ],
)
def test_payloads_that_may_hold_texts_are_refused(entries: list[tuple[int, ...]], content: bytes) -> None:
    assert fault(entries, content) is not None


@pytest.mark.parametrize(
    ("entries", "content", "texts"),
    [
        # Each behind the one before it, aligned.
        ([(80, 0), (80, 0)], [7, 9], {7, 9}),
        ([(16, 0), (80, 0), (80, 0)], [1, 7, 9], {7, 9}),
        ([(18, 0), (80, 0, 8), (80, 0)], [1, 7, 9], {7, 9}),
        ([(_PAIR, 0), (80, 0)], [1, 2, 7], {7}),
        # As many as the number before them says.
        ([(16, 0), (80, LENGTH_TOLD, 0, 0)], [2, 7, 9], {7, 9}),
    ],
)
def test_texts_are_found_where_their_layout_leaves_the_place_to_the_reader(
    entries: list[tuple[int, ...]], content: list[int], texts: set[int]
) -> None:
    payloads = Payloads()
    payloads.layouts[_OWN].add(Layout(tuple(Entry(*one) for one in entries)))
    payloads.layouts[_PAIR].add(Layout((Entry(18), Entry(18)), 16))
    payloads.see(_OWN, b"".join(number.to_bytes(8, "little") for number in content))
    assert {number for number, _ in payloads.texts} == texts
    assert payloads.fault() is None


def test_layouts_within_layouts_without_end_are_refused() -> None:
    payloads = Payloads()
    for number in range(5_000):
        payloads.layouts[_OWN + number].add(Layout((Entry(_OWN + number + 1),)))
    payloads.see(_OWN, bytes(8))
    assert payloads.fault() is not None


# --- stacks of Python ---------------------------------------------------------------------------------------------


def python_report(*payloads: bytes, **texts: str) -> bytes:
    """The report with planted secrets and samples of Python; its texts by name, with _ for blanks."""
    strings = {**planted_nsys.STRINGS, **planted_nsys.PYTHON_STRINGS}
    strings |= {name.replace("_", " "): text for name, text in texts.items()}
    samples = [planted_nsys.python_sample(one) for one in payloads]
    return planted_nsys.report(*samples, strings=list(strings.values()), schemas=planted_nsys.PYTHON_SCHEMAS)


def test_frames_of_python_keep_their_functions_and_lose_their_folders(tmp_path: Path) -> None:
    payload = planted_nsys.python_payload(3)
    content = redacted(python_report(payload), tmp_path)
    assert SECRET.encode() not in content
    assert payload in content
    assert b"train_step" in content
    # As many texts, with a place where the file was.
    clean = open_container(tmp_path / "clean.nsys-rep")
    assert len(clean.strings) == len(planted_nsys.STRINGS) + 2
    assert re.fullmatch(rb"/redacted/\d+", clean.strings[-1])


def test_a_function_without_a_name_gets_none(tmp_path: Path) -> None:
    # Of a process that was not profiled: where it is, in place of its name.
    strings = {**planted_nsys.STRINGS, "foreign symbol": "0x7f7733de1000"}
    content = redacted(planted_nsys.report(strings=list(strings.values())), tmp_path)
    assert b"0x7f7733de1000" in content


def test_files_of_pythons_own_library_stay(tmp_path: Path) -> None:
    file = "/usr/lib/python3.12/threading.py"
    assert file.encode() in redacted(python_report(planted_nsys.python_payload(), python_file=file), tmp_path)


def test_functions_of_python_have_pseudonyms(tmp_path: Path) -> None:
    content = redacted(python_report(planted_nsys.python_payload()), tmp_path, pseudonyms=True)
    assert b"train_step" not in content
    assert b"function_" in open_container(tmp_path / "clean.nsys-rep").strings[-2]


def test_texts_that_no_frame_names_go(tmp_path: Path) -> None:
    # The payload says that it has no frames, and has none.
    content = redacted(python_report(planted_nsys.python_payload(0), python_function="left over"), tmp_path)
    assert b"left over" not in content


def test_what_stands_behind_the_frames_is_refused(tmp_path: Path) -> None:
    for payload in (
        planted_nsys.python_payload(2, behind=b"alice"),
        planted_nsys.python_payload(2, told=1),
    ):
        with pytest.raises(UnsupportedReportError, match="longer than its rows"):
            redacted(python_report(payload), tmp_path)


def test_exports_with_frames_of_python_lose_folders_as_reports_do(tmp_path: Path) -> None:
    source, clean = plain("sampled_loop.sqlite", tmp_path), tmp_path / "clean.sqlite"
    with contextlib.closing(sqlite3.connect(source)) as connection:
        number = connection.execute("SELECT id FROM StringIds WHERE value LIKE '%.py' LIMIT 1").fetchone()[0]
        connection.execute("UPDATE StringIds SET value = ? WHERE id = ?", (f"/home/{SECRET}/a.py", number))
        connection.commit()
        before = connection.execute("SELECT * FROM NVTX_EVENTS").fetchall()
        functions = connection.execute("SELECT id, value FROM StringIds WHERE value = 'forward'").fetchall()
    assert functions
    writers.write(source, source.name, clean, Names(), Removed(), no_progress)
    assert SECRET.encode() not in clean.read_bytes()
    with contextlib.closing(sqlite3.connect(clean)) as connection:
        assert connection.execute("SELECT * FROM NVTX_EVENTS").fetchall() == before
        told = dict(connection.execute("SELECT id, value FROM StringIds"))
    assert told[number].startswith("/redacted/")
    assert all(told[one] == text for one, text in functions)
