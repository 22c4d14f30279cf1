"""Events that no table has, and what stands beside them, are redacted as those that one has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nsys_rep_file as rep
import planted_nsys
import pytest
from nsys_rep_file import message
from planted import SECRET

from traceql.errors import UnsupportedReportError
from traceql.read.base import no_progress
from traceql.share.redact import Names, writers
from traceql.share.redact.payloads import fault
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
#: Flags of an entry.
FIXED, LENGTH_TOLD, OFFSET, DEEP = 0x10, 0x30, 0x04, 0x100


@pytest.mark.parametrize(
    ("entries", "longest"),
    [
        ([(18, 0)], 8),
        ([(18, 0), (18, LENGTH_TOLD)], 800),
        ([(16, FIXED)], 400),
        # Where a text was in the program.
        ([(75, DEEP), (17, 0)], 16),
    ],
)
def test_payloads_of_numbers_pass(entries: list[tuple[int, int]], longest: int) -> None:
    assert fault({_OWN: longest}, {_OWN: entries}, frozenset()) is None


@pytest.mark.parametrize(
    ("entries", "longest"),
    [
        ([(18, 0)], 9),
        # Rows of bytes and of letters of 16 bits, and texts within.
        ([(18, 0), (12, LENGTH_TOLD)], 16),
        ([(14, FIXED)], 16),
        ([(75, FIXED)], 8),
        ([(75, OFFSET)], 8),
        ([(18, OFFSET | LENGTH_TOLD)], 8),
        ([(75, DEEP)], 9),
        ([(1, 0)], 1),
    ],
)
def test_payloads_that_may_hold_texts_are_refused(entries: list[tuple[int, int]], longest: int) -> None:
    assert fault({_OWN: longest}, {_OWN: entries}, frozenset()) is not None
