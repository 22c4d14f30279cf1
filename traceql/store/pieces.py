"""Rows of a large raw table, piece by piece: of what a piece is joined with, little is in memory.

Events come nearly in the order in which they were called for. So those of a piece have ids, or times, close
to each other, and of the rows that are looked up only those between their least and greatest have to be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

#: Of a piece, at least. Some groups that the database engine compresses together.
ROWS: Final = 1 << 20
#: The least and the greatest of some values.
Between = tuple[int, int]
#: Rows, and between which values they are; None where that helps nothing.
Piece: TypeAlias = "tuple[pa.Table, Between | None]"


def pieces(table: pa.Table, column: str, between_of: Callable[[pa.Table], Between]) -> Iterator[Piece]:
    """The table's rows in their order, piece by piece, and between which values of a column they are.

    One piece, and None, if they are few, or in such an order that all pieces together would look at the rows
    between their values more than twice.

    Args:
        table: the rows.
        column: of its columns, the one that is looked at.
        between_of: between which values of that some rows are.
    """
    import pyarrow as pa

    known = column in table.column_names and pa.types.is_integer(table.schema.field(column).type)
    if table.num_rows < 2 * ROWS or not known:
        yield table, None
        return
    parts = [pa.Table.from_batches(batches) for batches in _some(table)]
    between = [between_of(part) for part in parts]
    if _is_disordered(between):
        yield table, None
        return
    yield from zip(parts, between, strict=True)


def as_they_come(parts: Iterator[pa.Table], between_of: Callable[[pa.Table], Between]) -> Iterator[Piece]:
    """Rows that come part by part, as `pieces` has them.

    As soon as it is seen that they come in such an order, all that are left are one piece.

    Args:
        parts: the rows.
        between_of: see `pieces`.
    """
    import pyarrow as pa

    between: list[Between] = []
    for part in parts:
        between.append(between_of(part))
        if _is_disordered(between):
            yield pa.concat_tables([part, *parts]), None
        else:
            yield part, between[-1]


def _is_disordered(between: Sequence[Between]) -> bool:
    span = min(one[0] for one in between), max(one[1] for one in between)
    return sum(map(_width, between)) > 2 * _width(span)


def _some(table: pa.Table) -> Iterator[list[pa.RecordBatch]]:
    batches: list[pa.RecordBatch] = []
    for batch in table.to_batches():
        batches.append(batch)
        if sum(one.num_rows for one in batches) >= ROWS:
            yield batches
            batches = []
    if batches:
        yield batches


def _width(between: Between) -> int:
    return between[1] - between[0] + 1
