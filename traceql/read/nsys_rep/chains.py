"""Call chains: their numbers, and the tables of their frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from traceql.read.arrays import of_numbers
from traceql.read.nsys_rep import layout, messages
from traceql.read.nsys_rep.arrow import per_message
from traceql.read.nsys_rep.messages import Unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions
    from traceql.read.nsys_rep.assemble import Batch
    from traceql.read.nsys_rep.layout import Chains
    from traceql.read.nsys_rep.messages import Field, Path
    from traceql.read.nsys_rep.plan import Selected


def number_chains(
    buffer: Buffer,
    selected: Selected,
    fields: dict[Path, Field],
    count: int,
    chosen: Positions | None,
    batch: Batch,
) -> pa.Array:
    """Number the call chains of a table's rows from 1, store their frames, return each row's number."""
    chains = selected.table.chains
    assert chains is not None
    frames = fields.get(chains.field)
    depth = np.zeros(count, np.int64)
    if frames is not None and frames.rows is not None:
        depth += np.bincount(frames.rows, minlength=count)
    having: NDArray[np.bool_] = np.ones(count, np.bool_) if chains.every_event else depth > 0
    if chosen is not None:
        mine = np.zeros(count, np.bool_)
        mine[chosen] = True
        having &= mine
    numbers: Positions = np.cumsum(having, dtype=np.int64)
    batch.chains[chains.name] = int(np.count_nonzero(having))
    if frames is not None and frames.rows is not None:
        _build_frames(buffer, chains, selected, frames, having, numbers, batch)
    if chosen is not None:
        numbers, having = numbers[chosen], having[chosen]
    if chains.missing is not None:
        return of_numbers(np.where(having, numbers, chains.missing), pa.int64())
    return of_numbers(numbers, pa.int64(), having)


def _build_frames(
    buffer: Buffer,
    chains: Chains,
    selected: Selected,
    frames: Field,
    having: NDArray[np.bool_],
    numbers: Positions,
    batch: Batch,
) -> None:
    assert frames.rows is not None
    assert frames.sizes is not None
    assert frames.depths is not None
    mine = np.flatnonzero(having[frames.rows])
    if mine.size == 0:
        return
    starts = frames.values[mine]
    batch.rows[chains.name] = mine.size
    found = messages.decode(
        buffer,
        starts,
        starts + frames.sizes[mine],
        _frame_shape(chains.field),
        path=(),
        keep=frozenset(path for column in selected.frames for path in column.paths),
        repeated=(),
        # Counted when the event's frames were checked.
        unknown=Unknown(),
    )
    for column in selected.frames:
        if column.paths[0] in found:
            batch.pieces[chains.name, column.name] = per_message(
                buffer, found[column.paths[0]], column, starts, None
            )
    if "id" in selected.frame_ids:
        batch.pieces[chains.name, "id"] = of_numbers(numbers[frames.rows[mine]], pa.int64())
    if "stackDepth" in selected.frame_ids:
        batch.pieces[chains.name, "stackDepth"] = of_numbers(frames.depths[mine], pa.int32())


def _frame_shape(path: Path) -> messages.Shape:
    shape = layout.SHAPES[path[0]][path[1]]
    assert not isinstance(shape, int)
    return shape
