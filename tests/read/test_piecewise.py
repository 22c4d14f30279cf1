"""What is read piece by piece is what is read at once, and takes no memory for what was read before."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_nsys_rep import RECORDED
from test_nsys_rep import unpacked as recorded

from traceql.errors import ReportError
from traceql.read import nsys_export, nsys_rep
from traceql.read.base import PiecedTable, no_progress
from traceql.read.buffer import Buffer
from traceql.read.nsys_export import parquet, sqlite
from traceql.read.nsys_rep import decode, mpi, ucx, waiting
from traceql.read.nsys_rep.waiting import Waiting
from traceql.tables import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from traceql.read.base import RawTable


CALLS = "CUPTI_ACTIVITY_KIND_RUNTIME"


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.record_batch({"number": pa.array(numbers, pa.int64()), "text": [f"n{one}" for one in numbers]})


@pytest.mark.parametrize("in_memory_bytes", [0, 30, 1 << 20], ids=["file", "first-memory", "memory"])
def test_rows_that_wait_come_back_in_their_order(
    in_memory_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_IN_MEMORY_BYTES", in_memory_bytes)
    rows = Waiting()
    for some in (batch(1, 2), batch(3), batch(4, 5, 6)):
        rows.add(some)
    assert (rows._file is not None) == (in_memory_bytes < 1 << 20)
    assert [some.to_pydict() for some in rows.taken()] == [
        {"number": [1, 2], "text": ["n1", "n2"]},
        {"number": [3], "text": ["n3"]},
        {"number": [4, 5, 6], "text": ["n4", "n5", "n6"]},
    ]


def test_where_nothing_waits_nothing_comes_back() -> None:
    assert list(Waiting().taken()) == []


@pytest.mark.parametrize(
    ("report", "tables"),
    [
        ("mpi_two_ranks.nsys-rep.xz", mpi.TABLES),
        ("ucx_messages.nsys-rep.xz", ucx.TABLES),
    ],
    ids=["mpi", "ucx"],
)
def test_calls_of_libraries_are_found_however_the_events_are_cut(
    report: str,
    tables: dict[str, tuple[str, ...]],
    unpacked: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = nsys_rep.read(unpacked(report), wanted=None, progress=no_progress)
    take = nsys_rep._Noted.take

    def take_few(noted: nsys_rep._Noted, name: str, rows: pa.RecordBatch) -> None:
        for first in range(0, rows.num_rows, 3):
            take(noted, name, rows.slice(first, 3))

    monkeypatch.setattr(nsys_rep._Noted, "take", take_few)
    monkeypatch.setattr(waiting, "_IN_MEMORY_BYTES", 1 << 10)
    taken = Taken()
    cut = nsys_rep.read(unpacked(report), wanted=None, progress=no_progress, deliver=taken)
    came = taken.came
    found = {**cut.tables, **{name: pa.Table.from_batches(rows) for name, rows in came.items()}}
    assert max(map(len, came.values())) > 1
    assert set(tables) & found.keys()
    assert found.keys() == whole.tables.keys()
    for name, table in whole.tables.items():
        assert rows_of(found[name]) == rows_of(table), name


class Taken:
    """What a reader has delivered."""

    def __init__(self) -> None:
        self.came: dict[str, list[pa.RecordBatch]] = {}
        self.whole_ones: set[str] = set()
        self.named: list[tuple[str, str]] | None = None

    def take(self, name: str, rows: pa.RecordBatch) -> None:
        assert name not in self.whole_ones, name
        self.came.setdefault(name, []).append(rows)

    def whole(self, names: Iterable[str]) -> None:
        self.whole_ones.update(names)

    def told(self, environment: Sequence[tuple[str, str]]) -> None:
        self.named = list(environment)


@pytest.mark.long
@pytest.mark.parametrize("kept", [0, 1 << 21], ids=["found again", "remembered"])
@pytest.mark.parametrize("name", RECORDED)
def test_ranges_come_first_and_nothing_else_changes(
    name: str, kept: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = recorded(name, tmp_path)
    wanted = normalise.wanted("nsys")
    at_once = nsys_rep.read(path, wanted=wanted, progress=no_progress)
    monkeypatch.setattr(decode, "_BATCH_BYTES", 1)
    monkeypatch.setattr(decode, "_LEAST_GROUPS", 1)
    monkeypatch.setattr(decode, "_MOST_EVENTS_KEPT", kept)
    taken = Taken()
    apart = nsys_rep.read(path, wanted=wanted, progress=no_progress, deliver=taken)
    found = {name: pa.Table.from_batches(rows) for name, rows in taken.came.items()}
    assert found.keys().isdisjoint(apart.tables)
    assert (found | apart.tables).keys() == at_once.tables.keys()
    for table, rows in at_once.tables.items():
        assert rows_of((found | apart.tables)[table]) == rows_of(rows), table
    assert {"StringIds", "NVTX_EVENTS", "PROCESSES"} <= taken.whole_ones
    assert CALLS not in taken.whole_ones
    if CALLS in taken.came and "NVTX_EVENTS" in taken.came:
        assert list(taken.came).index("NVTX_EVENTS") < list(taken.came).index(CALLS)
    assert taken.named == apart.named == at_once.named
    facts = ("environment", "settings", "complete", "counts_agree", "unread", "tool_version")
    assert [getattr(apart, fact) for fact in facts] == [getattr(at_once, fact) for fact in facts]
    assert sorted(apart.warnings) == sorted(at_once.warnings)


def test_what_comes_first_is_told_by_the_tag_behind_the_type() -> None:
    ranges, calls = b"\xb2\x06\x00", b"\xda\x06\x00"
    later = [b"\x08\x4f" + calls, b"\x08\x82\x01" + calls]
    # Of types of four bytes, with the tag of another payload in them; without a type; without anything.
    first = [
        b"\x08\x3b" + ranges,
        b"\x08\x82\x01" + ranges,
        b"\x08\x8f\xda\x86\x00" + ranges,
        b"\x08\xa2\x80\xda\x06" + ranges,
        calls,
        b"\x08\x4f",
        b"",
    ]
    buffer = Buffer([b"".join([*later, *first])])
    ends = np.cumsum([len(event) for event in (*later, *first)])
    starts = np.concatenate([[0], ends[:-1]])
    assert decode._comes_first(buffer, starts).tolist() == [False] * len(later) + [True] * len(first)


def rows_of(table: RawTable) -> list[dict[str, object]]:
    return table.select(table.column_names).to_pylist()


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A SQLite export with numbers and texts of very different lengths."""
    place = tmp_path / "run.sqlite"
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE StringIds (id INTEGER, value TEXT)")
        connection.executemany(
            "INSERT INTO StringIds VALUES (?, ?)",
            [(number, None if number % 7 == 0 else "é" * (number % 50)) for number in range(3_000)],
        )
        connection.execute("CREATE TABLE TARGET_INFO_SESSION_START_TIME (utcEpochNs INTEGER)")
        connection.execute(
            "CREATE TABLE VULKAN_API (start INTEGER, end INTEGER, globalTid INTEGER, flags INTEGER)"
        )
        connection.executemany(
            "INSERT INTO VULKAN_API VALUES (?, ?, 5, ?)", [(n, n + 1, n % 3 or None) for n in range(1_000)]
        )
    connection.close()
    return place


def test_a_table_of_sqlite_comes_in_pieces_that_are_its_rows(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_ROWS_PER_FETCH", 1_024)
    # Pieces of texts end where these are long, those of numbers do not.
    monkeypatch.setattr(sqlite, "_TEXT_BYTES_PER_FETCH", 10_000)
    table = nsys_export.tables_of(export)["StringIds"]
    assert isinstance(table, PiecedTable)
    expected = [
        {"value": None if number % 7 == 0 else "é" * (number % 50), "id": number} for number in range(3_000)
    ]
    pieces = list(table.pieces(["value", "id"]))
    assert len(pieces) > 3
    assert max(rows.num_rows for rows in pieces) <= 1_024
    assert [row for rows in pieces for row in rows.to_pylist()] == expected
    assert table.select(["value", "id"]).to_pylist() == expected
    # Two tables, and one table twice, can be read beside each other.
    both = zip(table.pieces(["id"]), table.pieces(["value"]), strict=False)
    assert all(ids.schema.names == ["id"] and texts.schema.names == ["value"] for ids, texts in both)


def test_a_text_where_a_number_belongs_is_refused_however_the_rows_are_cut(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_ROWS_PER_FETCH", 1_024)
    with sqlite3.connect(export) as connection:
        connection.execute("UPDATE StringIds SET id = ? WHERE id = 2900", ["x" * 300])
    connection.close()
    pieces = nsys_export.tables_of(export)["StringIds"].pieces(["id", "value"])  # type: ignore[attr-defined]
    assert next(pieces).num_rows
    with pytest.raises(ReportError, match="StringIds is damaged"):
        list(pieces)


def test_an_empty_table_of_sqlite_has_its_columns(export: Path) -> None:
    table = nsys_export.tables_of(export)["TARGET_INFO_SESSION_START_TIME"]
    assert table.select(["utcEpochNs"]).schema == pa.schema({"utcEpochNs": pa.int64()})


def test_events_of_unknown_meaning_are_gathered_piece_by_piece(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_ROWS_PER_FETCH", 512)
    gathered = nsys_export.read(export, wanted=None, progress=no_progress).tables["OTHER_EVENTS"]
    assert isinstance(gathered, PiecedTable)
    pieces = list(gathered.pieces(["start", "data"]))
    assert len(pieces) > 1
    rows = [row for some in pieces for row in some.to_pylist()]
    assert rows == [{"start": n, "data": f'{{"flags":{n % 3}}}' if n % 3 else None} for n in range(1_000)]
    assert gathered.select(["start", "data"]).to_pylist() == rows


def test_of_a_parquet_file_nothing_stays_but_what_is_being_read(tmp_path: Path) -> None:
    place = tmp_path / "CUPTI_ACTIVITY_KIND_KERNEL.parquet"
    numbers = np.random.default_rng(1).integers(0, 1 << 60, (40, parquet.ROWS))
    with pq.ParquetWriter(place, pa.schema({"start": pa.int64()})) as writer:
        for some in numbers:
            writer.write_table(pa.table({"start": some}))
    before = pa.total_allocated_bytes()
    most = 0
    for _ in parquet.ParquetFile(place, "run/KERNEL").pieces(["start"]):
        most = max(most, pa.total_allocated_bytes() - before)
    assert place.stat().st_size > 20_000_000
    assert most < 8_000_000
