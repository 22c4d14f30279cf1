"""A decoded field becomes an Arrow array: one value per row, NULL where a message lacks the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from traceql.read.arrays import of_numbers, of_texts
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions
    from traceql.read.nsys_rep.layout import Column, Type
    from traceql.read.nsys_rep.messages import Field

_ARROW_TYPES: Final[Mapping[Type, pa.DataType]] = {
    "i32": pa.int32(),
    "i64": pa.int64(),
    "u32": pa.uint32(),
    "u64": pa.uint64(),
    "f32": pa.float32(),
    "f64": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "binary": pa.binary(),
    "blobs": pa.list_(pa.binary()),
}


def arrow_type(kind: Type) -> pa.DataType:
    """The Arrow type of a column of that kind."""
    return _ARROW_TYPES[kind]


def presence(column: Field | None, count: int) -> NDArray[np.bool_]:
    """Which of `count` messages have a field."""
    if column is not None and column.rows is None:
        return np.ones(count, np.bool_)
    present = np.zeros(count, np.bool_)
    if column is not None:
        present[column.rows] = True
    return present


def per_message(
    buffer: Buffer, found: Field, column: Column, starts: Positions, chosen: Positions | None
) -> pa.Array:
    """One value per chosen message, NULL where the field is absent."""
    rows, values, sizes = found.rows, found.values, found.sizes
    present: NDArray[np.bool_] | None = None
    if rows is not None and chosen is not None and np.array_equal(rows, chosen):
        pass
    elif rows is None:
        if chosen is not None:
            values, sizes = values[chosen], None if sizes is None else sizes[chosen]
    else:
        present = presence(found, starts.size)
        spread = np.zeros(starts.size, values.dtype)
        spread[rows] = values
        values = spread
        if sizes is not None:
            spread = np.zeros(starts.size, np.int64)
            spread[rows] = sizes
            sizes = spread
        if chosen is not None:
            values, present = values[chosen], present[chosen]
            sizes = None if sizes is None else sizes[chosen]
        if present.all():
            present = None
    return _array(buffer, values, sizes, present, column, starts)


def _array(
    buffer: Buffer,
    values: NDArray[Any],
    sizes: Positions | None,
    present: NDArray[np.bool_] | None,
    column: Column,
    starts: Positions,
) -> pa.Array:
    if sizes is not None and column.type == "text":
        return _texts(buffer, values, sizes, present)
    if sizes is not None:
        if present is not None:
            # Absent values stand at position 0; that may be read, and is masked.
            values = np.where(present, values, 0)
        words = buffer.words[values]
        numbers: NDArray[Any] = words.view(np.float64)
        if column.type == "f32":
            numbers = words.astype(np.uint32).view(np.float32)
    else:
        numbers = _narrowed(values, column, starts)
    return of_numbers(numbers, arrow_type(column.type), present)


def _narrowed(values: NDArray[Any], column: Column, starts: Positions) -> NDArray[Any]:
    """Unsigned integers as the column's type; one that does not fit is an error, never cut off."""
    if column.type == "i64":
        return values.astype(np.uint64, copy=False).view(np.int64)
    if column.type == "u64":
        return values.astype(np.uint64, copy=False)
    if column.type == "i32":
        if values.dtype == np.uint8:
            return values.astype(np.int32)
        # Negative numbers come as 64 bits of two's complement, or as 32.
        as_signed = values.view(np.int64)
        if ((as_signed < -(1 << 31)) | (as_signed >> 32 > 0)).any():
            raise WireError(f"a value of {column.name} does not fit 32 bits", int(starts[0]))
        return values.astype(np.int32)
    assert column.type == "u32"
    if values.dtype != np.uint8 and values.size and values.max() >> np.uint64(32):
        raise WireError(f"a value of {column.name} does not fit 32 bits", int(starts[0]))
    return values.astype(np.uint32)


def _texts(
    buffer: Buffer, starts: Positions, sizes: Positions, present: NDArray[np.bool_] | None
) -> pa.Array:
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    source = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
    return of_texts(buffer.bytes[source], sizes, present)


def tables_of(
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    tables: Mapping[str, Sequence[str]],
    types: Mapping[str, pa.DataType],
) -> dict[str, pa.Table]:
    """Table → its rows as Arrow, of those that have any; what a row does not tell is NULL.

    Args:
        rows: table → its rows.
        tables: table → its columns.
        types: of columns; all others are unsigned numbers of 64 bits.
    """
    return {
        name: pa.table(
            {
                column: pa.array([row.get(column) for row in found], types.get(column, pa.uint64()))
                for column in tables[name]
            }
        )
        for name, found in rows.items()
        if found
    }
