"""Decoded fields become the columns of the tables, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from traceql.read.arrays import either, numbers_of, of_numbers
from traceql.read.nsys_rep import binary_payloads, layout, messages, vulkan
from traceql.read.nsys_rep.arrow import arrow_type, per_message, presence
from traceql.read.nsys_rep.chains import number_chains
from traceql.read.nsys_rep.layout import Column
from traceql.read.nsys_rep.messages import Field, Unknown
from traceql.read.nsys_rep.tally import Tally

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions
    from traceql.read.nsys_rep.layout import EventTable, Type
    from traceql.read.nsys_rep.messages import Path
    from traceql.read.nsys_rep.plan import Selected


@dataclass
class Batch:
    """What one batch of blocks held.

    Attributes:
        rows: rows by table.
        pieces: (table, column) → its values; call-chain numbers count from 1 in each batch.
        chains: how many call chains each table of frames holds.
        processes: the process messages, as they are.
        tally: what was counted.
    """

    rows: dict[str, int] = field(default_factory=dict)
    pieces: dict[tuple[str, str], pa.Array] = field(default_factory=dict)
    chains: dict[str, int] = field(default_factory=dict)
    processes: list[bytes] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def number_events(self, before: int) -> int:
        """Let its generic events count from behind those of the batches before; how many there are then."""
        key = "genericEventId"
        for table in ("GENERIC_EVENTS", "GENERIC_EVENT_DATA"):
            if before and (table, key) in self.pieces:
                ids, _ = numbers_of(self.pieces[table, key])
                self.pieces[table, key] = of_numbers(ids + before, pa.int64())
        return before + self.rows.get("GENERIC_EVENTS", 0)


def rows_of(
    table: EventTable, classes: NDArray[np.int64] | None, fields: dict[Path, Field], count: int
) -> Positions | None:
    """Which messages of a payload become rows of the table; None when all do."""
    if table.classes is None:
        return None
    assert classes is not None
    mine = np.zeros(classes.size, np.bool_)
    for event_class in table.classes:
        mine |= classes == event_class
    if table.having is not None:
        mine &= presence(fields.get(table.having), count)
    for path in table.lacking:
        mine &= ~presence(fields.get(path), count)
    return None if mine.all() else np.flatnonzero(mine)


def build(
    buffer: Buffer,
    selected: Selected,
    fields: dict[Path, Field],
    starts: Positions,
    chosen: Positions | None,
    batch: Batch,
) -> None:
    """Put the rows of one table into the batch.

    Args:
        buffer: holds the messages.
        selected: the table.
        fields: of the messages of its payload.
        starts: where each of them begins.
        chosen: which of them become rows; None when all do.
        batch: takes the columns.
    """
    table = selected.table
    count = starts.size if chosen is None else chosen.size
    batch.rows[table.name] = count
    if table.chains is not None:
        numbers = number_chains(buffer, selected, fields, starts.size, chosen, batch)
    for column in selected.columns:
        if table.chains is not None and column.name == table.chains.id_column:
            piece = numbers
        elif column.paths == ((layout.SAMPLE, 5, 2),):
            piece = _first_counter(buffer, fields, starts.size, batch.tally)
        elif column.type in ("binary", "blobs"):
            take = binary_payloads.column if column.type == "binary" else vulkan.column
            piece = take(buffer, fields, starts.size)
            if piece is not None and chosen is not None:
                piece = piece.take(pa.array(chosen))
        else:
            piece = None
            for path in column.paths:
                if path in fields:
                    other = per_message(buffer, fields[path], column, starts, chosen)
                    piece = other if piece is None else either(piece, other)
        if piece is not None:
            batch.pieces[table.name, column.name] = piece


def _first_counter(buffer: Buffer, fields: dict[Path, Field], count: int, tally: Tally) -> pa.Array | None:
    """The value of each sample's first counter: what the export calls cpuCycles."""
    counters = fields.get((layout.SAMPLE, 5))
    if counters is None or counters.rows is None or counters.sizes is None or counters.depths is None:
        return None
    if counters.depths.any():
        tally.notes.add("COMPOSITE_EVENTS: only the first counter of each CPU sample is decoded")
    first = np.flatnonzero(counters.depths == 0)
    starts = counters.values[first]
    shape = layout.SHAPES[layout.SAMPLE][5]
    assert not isinstance(shape, int)
    found = messages.split(buffer, starts, starts + counters.sizes[first], shape, unknown=Unknown())
    if 2 not in found:
        return None
    rows = counters.rows[first]
    value = found[2]
    placed = Field(rows if value.rows is None else rows[value.rows], value.values)
    column = Column("cpuCycles", "u64")
    return per_message(buffer, placed, column, np.zeros(count, np.int64), None)


def rows(batch: Batch, selected: Selected, chains: Counter[str]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of a batch, by the tables that a selection fills; those without rows are left out.

    Args:
        batch: it gives its columns away.
        selected: the table.
        chains: how many call chains each table of frames has had; those of the batch are added.
    """
    table = selected.table
    frames = table.chains
    shift = chains[frames.name] + frames.first - 1 if frames is not None else 0
    for name, columns_ in _layout(selected):
        count = batch.rows.get(name, 0)
        if count == 0:
            continue
        arrays = []
        for column, kind in columns_:
            piece = batch.pieces.pop((name, column), None)
            if piece is None:
                piece = pa.nulls(count, arrow_type(kind))
            elif (
                shift
                and frames is not None
                and (name, column) in ((table.name, frames.id_column), (frames.name, "id"))
            ):
                ids, present = numbers_of(piece)
                piece = of_numbers(np.where(ids > 0, ids + shift, ids), pa.int64(), present)
            arrays.append(piece)
        yield name, pa.RecordBatch.from_arrays(arrays, names=[column for column, _ in columns_])
    if frames is not None:
        chains[frames.name] += batch.chains.get(frames.name, 0)


def _layout(selected: Selected) -> list[tuple[str, list[tuple[str, Type]]]]:
    """The tables that a selection fills, with their columns in order."""
    layout: list[tuple[str, list[tuple[str, Type]]]] = [
        (selected.table.name, [(column.name, column.type) for column in selected.columns])
    ]
    if selected.table.chains is not None:
        frames: list[tuple[str, Type]] = [(column.name, column.type) for column in selected.frames]
        if "id" in selected.frame_ids:
            frames.insert(0, ("id", "i64"))
        if "stackDepth" in selected.frame_ids:
            frames.append(("stackDepth", "i32"))
        layout.append((selected.table.chains.name, frames))
    return [(name, columns_) for name, columns_ in layout if columns_]
