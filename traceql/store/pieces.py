"""Rows of a large raw table, piece by piece: of what a piece is joined with, little is in memory.

Events come nearly in the order in which they were called for. So those of a piece have ids, or times, close
to each other, and of the rows that are looked up only those between their least and greatest have to be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

#: Of a piece, at least. Some groups that the database engine compresses together.
ROWS: Final = 1 << 20
#: The least and the greatest of some values.
Between = tuple[int, int]


def pieces(table: pa.Table, column: str) -> Iterator[tuple[pa.Table, Between | None]]:
    """The table's rows in their order, piece by piece, and between which values of the column they are.

    One piece, and None, if they are few, or in such an order that all pieces together would look at the rows
    between their values more than twice.
    """
    import pyarrow as pa

    known = column in table.column_names and pa.types.is_integer(table.schema.field(column).type)
    if table.num_rows < 2 * ROWS or not known:
        yield table, None
        return
    parts = [pa.Table.from_batches(batches) for batches in _some(table)]
    between = [_between(part, column) for part in parts]
    if sum(map(_width, between)) > 2 * _width((min(b[0] for b in between), max(b[1] for b in between))):
        yield table, None
        return
    yield from zip(parts, between, strict=True)


def _some(table: pa.Table) -> Iterator[list[pa.RecordBatch]]:
    batches: list[pa.RecordBatch] = []
    for batch in table.to_batches():
        batches.append(batch)
        if sum(one.num_rows for one in batches) >= ROWS:
            yield batches
            batches = []
    if batches:
        yield batches


def _between(table: pa.Table, column: str) -> Between:
    import pyarrow.compute as pc

    found = pc.min_max(table[column]).as_py()
    # No value is equal to a missing one: nothing is looked at.
    return (found["min"], found["max"]) if found["min"] is not None else (0, -1)


def _width(between: Between) -> int:
    return between[1] - between[0] + 1
