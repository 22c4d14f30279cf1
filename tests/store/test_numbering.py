"""Rows of raw tables are numbered in their order, however they came."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from traceql.store.numbering import NUMBER_SQL, numbered


@pytest.mark.parametrize("before", [0, 7])
@pytest.mark.parametrize("sizes", [(), (0,), (3,), (2, 0, 3), (1, 4, 2)])
def test_numbers_go_on_from_batch_to_batch(sizes: tuple[int, ...], before: int) -> None:
    values = iter(range(100, 200))
    batches = [
        pa.record_batch({"value": pa.array([next(values) for _ in range(size)], pa.int64())})
        for size in sizes
    ]
    table = numbered(pa.Table.from_batches(batches, pa.schema({"value": pa.int64()})), before)
    with duckdb.connect() as connection:
        connection.register("raw", table)
        rows = connection.execute(f"SELECT value, {NUMBER_SQL} FROM raw ORDER BY value").fetchall()
    assert rows == [(100 + place, before + place + 1) for place in range(sum(sizes))]
