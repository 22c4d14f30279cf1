"""Columns of numpy as Arrow arrays and back, as they lie in memory.

`pyarrow.array` and methods of arrays and tables would do as well; but the one imports numpy.ma to see whether
an array is of that kind, the others all functions of pyarrow.compute, and each of these takes longer than a
small report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Where texts end is 32 bits.
_MOST_BYTES: Final = (1 << 31) - 1


def of_numbers(values: NDArray[Any], kind: pa.DataType, present: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers as they are.

    Args:
        values: one-dimensional.
        kind: integers or floating-point numbers that hold all values.
        present: False where there is no value; None if there is one everywhere.
    """
    content = np.ascontiguousarray(values, kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, content.size, [_validity(present), pa.py_buffer(content)])


def of_texts(
    content: NDArray[np.uint8] | bytes, sizes: NDArray[np.int64], present: NDArray[np.bool_] | None = None
) -> pa.Array:
    """Texts that follow each other; what is not UTF-8 is replaced.

    Args:
        content: the bytes of all of them.
        sizes: how many bytes each has.
        present: False where there is none; None if there is one everywhere.

    Raises:
        MemoryError: they are more than one array can hold.
    """
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    if offsets[-1] > _MOST_BYTES:
        raise MemoryError(f"{offsets[-1]:,} bytes of text")
    buffers = [_validity(present), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(content)]
    texts = pa.Array.from_buffers(pa.string(), sizes.size, buffers)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        binary = pa.Array.from_buffers(pa.binary(), sizes.size, buffers).to_pylist()
        decoded = [None if value is None else value.decode("utf-8", "replace") for value in binary]
        return pa.array(decoded, pa.string())
    return texts


def numbers_of(array: pa.Array) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """The values of an array of numbers, and where there is one; None if there is one everywhere."""
    validity, content = array.buffers()
    values = np.frombuffer(content, array.type.to_pandas_dtype(), array.offset + len(array))[array.offset :]
    if not array.null_count:
        return values, None
    bits = np.unpackbits(
        np.frombuffer(validity, np.uint8), count=array.offset + len(array), bitorder="little"
    )
    return values, bits[array.offset :].astype(np.bool_)


def either(first: pa.Array, second: pa.Array) -> pa.Array:
    """The numbers of the first array, where it has one, else those of the second, of the same type."""
    values, present = numbers_of(first)
    if present is None:
        return first
    others, there = numbers_of(second)
    known = None if there is None else present | there
    return of_numbers(np.where(present, values, others), first.type, known)


def rows_at(table: pa.Table | pa.RecordBatch, places: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Some few rows."""
    return [row for place in places.tolist() for row in table.slice(place, 1).to_pylist()]


def _validity(present: NDArray[np.bool_] | None) -> pa.Buffer | None:
    if present is None or present.all():
        return None
    return pa.py_buffer(np.packbits(present, bitorder="little"))
