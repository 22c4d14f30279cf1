"""Rows of a raw table, counted as they are read: by whichever thread, and in little memory.

A number is the sum of two columns: how many rows the batches before have, which is one value for each batch,
and the row in its batch, which all batches share.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa

_BEFORE: Final = "rows of batches before"
_INSIDE: Final = "row of the batch"
#: Columns that a table has which is numbered.
IS_NUMBERED: Final = frozenset({_BEFORE, _INSIDE})
#: The number of a row, from 1.
NUMBER_SQL: Final = f'"{_BEFORE}" + "{_INSIDE}"'


def numbered(table: pa.Table, before: int = 0) -> pa.Table:
    """The table with columns of which `NUMBER_SQL` makes the numbers of its rows.

    Args:
        table: rows.
        before: how many have been numbered already.
    """
    import pyarrow as pa

    batches = [batch for batch in table.to_batches() if batch.num_rows]
    most = max((batch.num_rows for batch in batches), default=0)
    inside = _whole(pa.int64(), array("q", range(1, most + 1)))
    counted = []
    for batch in batches:
        rows = batch.num_rows
        once = [_whole(pa.int32(), array("i", [rows])), _whole(pa.int64(), array("q", [before]))]
        same = pa.Array.from_buffers(
            pa.run_end_encoded(pa.int32(), pa.int64()), rows, [None], null_count=0, children=once
        )
        columns = [*batch.columns, same, inside.slice(0, rows)]
        counted.append(pa.RecordBatch.from_arrays(columns, names=[*batch.schema.names, _BEFORE, _INSIDE]))
        before += rows
    if counted:
        return pa.Table.from_batches(counted)
    nothing = _whole(pa.int64(), array("q"))
    return table.append_column(_BEFORE, nothing).append_column(_INSIDE, nothing)


def _whole(kind: pa.DataType, numbers: array[int]) -> pa.Array:
    """An Arrow array; pyarrow's own way from a list imports pandas, which takes longer than to number."""
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])
