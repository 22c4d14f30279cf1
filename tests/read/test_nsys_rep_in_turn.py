"""What several processes decode in turn is what one decodes, errors and all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from systems import linux
from test_nsys_rep import RECORDED, unpacked

from traceql.errors import ReportError
from traceql.read.base import RawReport, no_progress
from traceql.read.nsys_rep import decode, in_turn, read
from traceql.read.nsys_rep.assemble import Batch

pytestmark = linux("memfd_create")


def by(at_once: int, path: Path) -> RawReport:
    return read(path, wanted=None, progress=no_progress, at_once=at_once)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is a batch."""
    monkeypatch.setattr(decode, "_BATCH_BYTES", 1)
    monkeypatch.setattr(in_turn, "_LEAST_BATCHES", 2)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of copies that are made."""
    made: list[int] = []
    fork = os.fork

    def counted() -> int:
        process = fork()
        made.append(process)
        return process

    monkeypatch.setattr(os, "fork", counted)
    return made


def are_gone(processes: list[int]) -> bool:
    return all(process and not Path(f"/proc/{process}").exists() for process in processes)


def batch(number: int) -> Batch:
    found = Batch(rows={"a": 2, "none": 0}, processes=[b"process"])
    found.pieces["a", "number"] = pa.array([number, None], pa.int64())
    found.pieces["a", "text"] = pa.array(["x" * number, "y"])
    if number % 3 == 0:
        found.pieces["b", "bytes"] = pa.array([[b"1", b"22"], []], pa.list_(pa.binary()))
    found.tally.events = number
    found.tally.owned[107, number, 5] += 1
    found.tally.unknown.add((1, 2), 0, number)
    return found


@pytest.mark.long
@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.usefixtures("small_batches")
def test_a_report_is_decoded_as_by_one_process(name: str, tmp_path: Path, copies: list[int]) -> None:
    path = unpacked(name, tmp_path)
    one, two = by(1, path), by(2, path)
    assert are_gone(copies)
    assert list(two.tables) == list(one.tables)
    for table, rows in one.tables.items():
        columns = rows.column_names
        assert two.tables[table].column_names == columns
        assert two.tables[table].select(columns).equals(rows.select(columns))
    others = [{**vars(report), "tables": None} for report in (one, two)]
    assert others[0] == others[1]


def said(at_once: int, path: Path) -> str:
    try:
        found = by(at_once, path)
    except ReportError as error:
        return str((type(error), error.message, error.remedy))
    return str([found.tables, {**vars(found), "tables": None}])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.usefixtures("small_batches")
def test_of_a_damaged_report_the_same_is_said(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    content = bytearray(unpacked("llama_eager.nsys-rep", tmp_path).read_bytes())
    for _ in range(rng.choice([1, 1, 3, 9])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    (path := tmp_path / "damaged.nsys-rep").write_bytes(content)
    assert said(2, path) == said(1, path)


@pytest.mark.usefixtures("small_batches")
def test_a_large_report_takes_turns(tmp_path: Path, copies: list[int]) -> None:
    by(3, unpacked("llama_eager.nsys-rep", tmp_path))
    assert len(copies) == 2
    assert are_gone(copies)


@pytest.mark.parametrize("at_once", [2, 3, 4])
@pytest.mark.parametrize("count", [4, 5, 12])
def test_batches_come_in_order(at_once: int, count: int, copies: list[int]) -> None:
    found = list(in_turn.decoded(count, batch, at_once))
    assert found == [batch(number) for number in range(count)]
    assert len(copies) == at_once - 1
    assert are_gone(copies)


@pytest.mark.parametrize(
    ("count", "at_once", "possible"),
    [(3, 2, True), (9, 1, True), (9, 2, False)],
    ids=["few", "one", "system"],
)
def test_elsewhere_one_process_decodes(
    count: int, at_once: int, possible: bool, copies: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_turn, "is_possible", lambda: possible)
    assert list(in_turn.decoded(count, batch, at_once)) == [batch(number) for number in range(count)]
    assert copies == []


@pytest.mark.parametrize("wrong", [(1,), (2,), (3, 4), (4, 5), (7,)])
@pytest.mark.parametrize("kind", [ReportError, MemoryError])
def test_the_first_error_is_raised_behind_the_batches_before_it(
    wrong: tuple[int, ...], kind: type[Exception], copies: list[int]
) -> None:
    def made(number: int) -> Batch:
        if number in wrong:
            raise ReportError(f"batch {number}", "none") if kind is ReportError else MemoryError
        return batch(number)

    batches, found = in_turn.decoded(8, made, 2), 0
    with pytest.raises(kind, match=f"batch {wrong[0]}" if kind is ReportError else None):
        for found, one in enumerate(batches, start=1):
            assert one == batch(found - 1)
    assert found == wrong[0]
    assert are_gone(copies)


def test_a_copy_ends_with_who_wants_no_more(copies: list[int]) -> None:
    def slow(number: int) -> Batch:
        if number > 1:
            time.sleep(60)
        return batch(number)

    batches = in_turn.decoded(8, slow, 2)
    assert [next(batches).tally.events for _ in range(2)] == [0, 1]
    batches.close()  # type: ignore[attr-defined]
    assert are_gone(copies)


def test_a_copy_is_not_far_ahead(tmp_path: Path) -> None:
    def noted(number: int) -> Batch:
        (tmp_path / str(number)).touch()
        return batch(number)

    batches = in_turn.decoded(40, noted, 2)
    next(batches)
    next(batches)
    time.sleep(0.3)
    # What waits, and one that is made meanwhile.
    assert 1 < len(list(tmp_path.iterdir())) <= 2 + in_turn._MOST_WAITING + 1
    batches.close()  # type: ignore[attr-defined]


ENDS = """
import os, signal, sys
from traceql.read.nsys_rep import in_turn
from traceql.read.nsys_rep.assemble import Batch
first = os.getpid()
def made(number):
    if number == 4:
        assert os.getpid() != first
        {end}
    return Batch()
list(in_turn.decoded(8, made, 2))
print("all")
"""


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -11, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
    ],
)
def test_with_a_copy_that_crashes_its_process_does_so(end: str, status: int, said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ENDS.format(end=end)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (status, "")
    assert (ran.stderr.strip().splitlines() or [""])[-1] == said


def test_a_copy_ends_with_its_process() -> None:
    end = "os.kill(first, signal.SIGKILL); import time; time.sleep(60)"
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", ENDS.format(end=end)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == -9
    # Its standard output is closed: nobody waits for it.
    assert time.monotonic() - began < 30
    assert ran.stdout == ""


def test_memory_is_shared_while_there_are_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    seen: list[Any] = []
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(resource, "setrlimit", lambda _, bounds: seen.append(bounds))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_000_000_000, -1))
    assert len(list(in_turn.decoded(8, batch, 2))) == 8
    assert seen == [(560_000_000, -1), (1_000_000_000, -1)]
    monkeypatch.undo()
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
