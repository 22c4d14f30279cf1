"""Tables that arrive piece by piece are the same in memory and in files."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pytest
from helpers_robust import PARQUETDIR

from traceql.errors import ReportError
from traceql.read import arriving, formats, worker
from traceql.read.arriving import Arriving, Tables
from traceql.read.base import RawReport, no_progress
from traceql.tables import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def piece(*numbers: int) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"number": pa.array(numbers, pa.int64())})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def write(arriving: Arriving, file: int, name: str, *numbers: int) -> None:
    """As the process with that number does, and says."""
    place, rows = arriving.file(file), piece(*numbers)
    assert place is not None
    with place.open("ab") as written:
        begins = written.tell()
        written.write(rows)
    arriving.add_from(file, begins, begins + rows.size, name)


@pytest.mark.parametrize("in_memory", [0, 2, 5], ids=["files", "first-memory", "memory"])
def test_pieces_of_a_table_lie_one_behind_the_other(in_memory: int, tmp_path: Path) -> None:
    found = Arriving(lambda: tmp_path)
    pieces = (("a", (1, 2)), ("../b", (7,)), ("a", (3,)), ("none", ()), ("a", (4, 5)))
    for number, (name, numbers) in enumerate(pieces):
        if number < in_memory:
            found.add(name, piece(*numbers))
        else:
            write(found, number % 2, name, *numbers)
    tables = found.tables()
    with found.letting_go():
        rows = {name: table["number"].to_pylist() for name, table in tables.items()}
    assert rows == {"a": [1, 2, 3, 4, 5], "../b": [7], "none": []}
    assert found.size_bytes == sum(piece(*numbers).size for _, numbers in pieces)
    assert len(list(tmp_path.iterdir())) == {0: 2, 2: 2, 5: 0}[in_memory]


def test_what_was_let_go_of_can_be_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(arriving, "_LET_GO_S", 0.0)
    found = Arriving(lambda: tmp_path)
    write(found, 0, "a", *range(10_000))
    table = found.tables()["a"]
    with found.letting_go():
        sums = {sum(table["number"].to_pylist()) for _ in range(3)}
    assert sums == {49_995_000}


def test_without_a_folder_all_stays_in_memory() -> None:
    found = Arriving(None)
    assert found.file(0) is None
    found.add("a", piece(1))
    assert found.tables()["a"]["number"].to_pylist() == [1]
    assert found.size_bytes > 0


def numbers(table: pa.Table | None) -> list[int] | None:
    return None if table is None else table["number"].to_pylist()


def beside(*actions: Callable[[], object]) -> threading.Thread:
    """Does one thing after the other in another thread, with pauses in which somebody can see a part of it."""

    def act() -> None:
        for action in actions:
            time.sleep(0.01)
            action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.mark.parametrize("in_files", [False, True], ids=["memory", "files"])
def test_who_asks_for_a_table_waits_until_no_more_of_it_comes(in_files: bool, tmp_path: Path) -> None:
    found = Arriving(lambda: tmp_path)

    def add(name: str, *rows: int) -> None:
        if in_files:
            write(found, 0, name, *rows)
        else:
            found.add(name, piece(*rows))

    thread = beside(
        lambda: add("a", 1, 2),
        lambda: add("b", 7),
        lambda: add("a", *range(3, 2_000)),
        lambda: found.whole(["a", "none"]),
        lambda: add("b", 8),
        lambda: found.told([("HOME", "/home/ada")]),
        lambda: found.end(RawReport("nsys", found.tables())),
    )
    tables = Tables(found)
    assert numbers(tables["a"]) == list(range(1, 2_000))
    assert "none" not in tables
    assert not found.is_over
    assert found.named() == [("HOME", "/home/ada")]
    assert numbers(tables["b"]) == [7, 8]
    assert "later" not in tables
    assert found.is_over
    assert (sorted(tables), len(tables)) == (["a", "b"], 2)
    with pytest.raises(KeyError):
        tables["later"]
    thread.join()


@pytest.mark.parametrize("in_files", [False, True], ids=["memory", "files"])
def test_rows_can_be_taken_as_they_come(in_files: bool, tmp_path: Path) -> None:
    found = Arriving(lambda: tmp_path)

    def add(*rows: int) -> None:
        if in_files:
            write(found, 0, "a", *rows)
        else:
            found.add("a", piece(*rows))

    for number in range(9):
        add(number)
    parts = found.parts("a", 2, 6)
    assert numbers(next(parts)) == [0, 1, 2, 3, 4, 5]
    # Multiples of two; the last one waits.
    assert numbers(next(parts)) == [6, 7]
    thread = beside(lambda: add(9), lambda: add(10), lambda: found.whole(["a"]))
    assert [numbers(part) for part in parts] == [[8, 9], [10]]
    thread.join()
    # Nothing that was taken is gone.
    assert [numbers(part) for part in found.parts("a", 4, 8)] == [list(range(8)), [8, 9, 10]]
    found.whole(["none"])
    assert list(found.parts("none", 2, 6)) == []


@pytest.mark.parametrize("named", [None, [("HOME", "/home/ada")]])
def test_of_processes_that_nothing_was_told_of_the_report_tells(named: list[tuple[str, str]] | None) -> None:
    found = Arriving(None)
    of_it = RawReport("ncu", {}, environment=[("USER", "ada")], named=named)
    thread = beside(lambda: found.end(of_it))
    assert found.named() == (named or [("USER", "ada")])
    thread.join()


def test_threads_that_read_at_once_read_each_piece_once(tmp_path: Path) -> None:
    found = Arriving(lambda: tmp_path)
    for number in range(300):
        write(found, number % 2, "a", number)
    found.whole(["a"])
    both = threading.Barrier(4)
    seen: list[list[int] | None] = []

    def take() -> None:
        both.wait()
        seen.append([number for part in found.parts("a", 2, 2) for number in numbers(part) or []])

    def read() -> None:
        both.wait()
        seen.append(numbers(found.tables()["a"]))

    threads = [threading.Thread(target=act) for act in (take, read, take, read)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert seen == [list(range(300))] * 4


def test_who_waits_is_told_what_went_wrong() -> None:
    found = Arriving(None)
    found.add("a", piece(1))
    thread = beside(lambda: found.fail(ReportError("it ends early", "Copy it again.")))
    for ask in (lambda: found.table("a"), found.named, found.report, lambda: list(found.parts("a", 2, 2))):
        with pytest.raises(ReportError, match="ends early"):
            ask()
    thread.join()
    assert found.is_over


def test_tables_of_an_export_come_as_they_are_asked_for_and_what_there_is_none_of_is_said_first() -> None:
    class Noted(Arriving):
        order: ClassVar[list[str]] = []

        def whole(self, names: Iterable[str]) -> None:
            self.order.extend(sorted(names))
            super().whole(self.order)

    noted = Noted(None)
    worker.decode(
        formats.reader_for(PARQUETDIR),
        PARQUETDIR,
        wanted=normalise.wanted("nsys"),
        progress=no_progress,
        arriving=noted,
    )
    asked = [
        "OSRT_API",
        "StringIds",
        "NVTX_EVENTS",
        "CUPTI_ACTIVITY_KIND_RUNTIME",
        "CUPTI_ACTIVITY_KIND_KERNEL",
    ]
    assert [name for name in noted.order if name in asked] == asked
    assert noted.table("OSRT_API") is None
    assert noted.table("CUPTI_ACTIVITY_KIND_KERNEL") is not None
    assert noted.order.index("NVTX_EVENTS") < noted.order.index("PROCESSES")
