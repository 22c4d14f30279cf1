"""A large raw table is stored piece by piece, and what is stored does not depend on that."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import helpers_robust
import pyarrow as pa
import pytest
from made.nsys import Recording
from made.store import empty, store

import traceql
from traceql.store import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPORTS = ("scv_baseline_off.nsys-rep", "nccl_two_gpus.sqlite", "memory_and_ranges.sqlite")


def table(*batches: list[int | None]) -> pa.Table:
    """Rows that come in batches."""
    return pa.Table.from_batches([pa.record_batch({"id": pa.array(one, pa.int64())}) for one in batches])


def between(rows: pa.Table) -> pieces.Between:
    values = [value for value in rows["id"].to_pylist() if value is not None]
    return (min(values), max(values)) if values else (0, -1)


def said(rows: pa.Table, column: str = "id") -> list[tuple[list[int | None], pieces.Between | None]]:
    """The pieces: their values, and between which they are said to be."""
    return [(piece["id"].to_pylist(), of) for piece, of in pieces.pieces(rows, column, between)]


def said_as_they_come(*parts: list[int | None]) -> list[tuple[list[int | None], pieces.Between | None]]:
    found = pieces.as_they_come(map(table, parts), between)
    return [(piece["id"].to_pylist(), of) for piece, of in found]


def test_parts_are_pieces_as_they_come() -> None:
    assert said_as_they_come([1, 3, 2], [4, None], [None]) == [
        ([1, 3, 2], (1, 3)),
        ([4, None], (4, 4)),
        ([None], (0, -1)),
    ]
    assert said_as_they_come() == []


def test_once_it_is_seen_that_parts_are_in_no_order_all_that_are_left_are_one_piece() -> None:
    assert said_as_they_come([1, 9], [2, 8], [1, 7], [5], [10]) == [
        ([1, 9], (1, 9)),
        ([2, 8], (2, 8)),
        ([1, 7, 5, 10], None),
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "ROWS", 4)


@pytest.mark.usefixtures("small")
def test_a_piece_is_of_whole_batches_and_knows_its_least_and_greatest() -> None:
    rows = table([3, 1], [2, None, 4], [7, 5, 6, 9], [8])
    assert said(rows) == [([3, 1, 2, None, 4], (1, 4)), ([7, 5, 6, 9], (5, 9)), ([8], (8, 8))]


@pytest.mark.usefixtures("small")
def test_a_piece_without_values_is_between_none() -> None:
    rows = table([1, 2, 3, 4], [None, None, None, None])
    assert said(rows) == [([1, 2, 3, 4], (1, 4)), ([None, None, None, None], (0, -1))]


@pytest.mark.usefixtures("small")
def test_few_rows_and_those_in_no_order_are_one_piece() -> None:
    assert said(table([1, 2, 3, 4], [5, 6, 7])) == [([1, 2, 3, 4, 5, 6, 7], None)]
    mixed = list(range(40))
    random.Random(1).shuffle(mixed)
    batches = [mixed[at : at + 4] for at in range(0, 40, 4)]
    assert said(table(*batches)) == [(mixed, None)]


@pytest.mark.usefixtures("small")
def test_rows_without_such_numbers_are_one_piece() -> None:
    rows = table([1, 2, 3, 4], [5, 6, 7, 8])
    assert [between for _, between in said(rows, "other")] == [None]
    as_text = rows.set_column(0, "id", rows["id"].cast(pa.string()))
    assert [between for _, between in said(as_text)] == [None]


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_stored_piece_by_piece_is_what_is_stored_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = helpers_robust.plain(name, tmp_path)
    counted: list[int] = []
    whole = pieces.pieces

    def in_batches(rows: pa.Table, column: str, between_of: Any) -> Iterator[pieces.Piece]:
        found = list(whole(pa.Table.from_batches(rows.to_batches(max_chunksize=7)), column, between_of))
        counted.append(len(found))
        yield from found

    def stored(file: str) -> dict[str, list[str]] | None:
        with traceql.open(tmp_path / file) as db:
            db.ingest(report)
        return helpers_robust.contents(tmp_path / file)

    at_once = stored("whole.duckdb")
    monkeypatch.setattr(pieces, "pieces", in_batches)
    monkeypatch.setattr(pieces, "ROWS", 20)
    assert stored("pieces.duckdb") == at_once
    assert max(counted) > 2


@pytest.mark.parametrize("at", [0, 20])
@pytest.mark.parametrize("lacking", [[], ["returnValue"], ["nameId", "end"]])
def test_pieces_of_which_some_rows_are_no_calls_are_stored_beside_others(
    at: int, lacking: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of class 67 are calls a second time."""
    made = Recording().range("step", 0, 150)
    for number in range(40):
        made.call("cudaFree", 10 * number, 10 * number + 5, tid=1 + number % 2, returned=number)
    report = made.report()
    calls = report.tables["CUPTI_ACTIVITY_KIND_RUNTIME"]
    classes = pa.array([67 if at <= place < at + 7 else 0 for place in range(40)])
    calls = calls.set_column(calls.column_names.index("eventClass"), "eventClass", classes)
    batches = calls.drop_columns(lacking).to_batches(max_chunksize=5)
    tables = {**report.tables, "CUPTI_ACTIVITY_KIND_RUNTIME": pa.Table.from_batches(batches)}

    def stored() -> list[tuple[Any, ...]]:
        database = empty()
        store(database, replace(report, tables=tables), "made")
        return database.sql("SELECT * FROM api_calls ORDER BY api_call_id").rows()

    at_once = stored()
    assert [row[0] & 0xFFFFFFFF for row in at_once] == [*range(1, 34)]
    monkeypatch.setattr(pieces, "ROWS", 10)
    assert stored() == at_once
