"""Event blocks become the columns of the event tables: batch by batch, in the file's order.

A batch is decoded on its own, so batches can be decoded by several threads; `collect` puts them together.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from traceql.read.nsys_rep import columns, layout, samples
from traceql.read.nsys_rep.columns import Buffer, Field, Path, Positions, Unknown
from traceql.read.nsys_rep.container import decompress
from traceql.read.nsys_rep.layout import Chains, Column, EventTable, Type
from traceql.read.protobuf import BYTES, VARINT, WireError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from traceql.read.base import Progress, Wanted
    from traceql.read.nsys_rep.container import Block, Container
    from traceql.read.nsys_rep.samples import Layout

# Decompressed bytes that are decoded at once: enough events that the cost of a numpy call (and of passing the
# interpreter's lock from thread to thread) does not count, few enough that intermediate columns stay small.
_BATCH_BYTES: Final = 1 << 23

_MOST_THREADS: Final = 4

# Up to this value, numbers are counted with a counter for each.
_MOST_COUNTERS: Final = 1 << 16

_ARROW_TYPES: Final[Mapping[Type, pa.DataType]] = {
    "i32": pa.int32(),
    "i64": pa.int64(),
    "u32": pa.uint32(),
    "u64": pa.uint64(),
    "f32": pa.float32(),
    "f64": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
}

# Event, type field, and what an event is made of: its type and one payload.
_EVENT_TYPE: Final = 1
_EVENT_SHAPE: Final = {_EVENT_TYPE: VARINT, **dict.fromkeys(layout.PAYLOAD_NAMES, BYTES)}

_CUDA_BACKTRACES: Final = "CUDA_CALLCHAINS"


def arrow_type(kind: Type) -> pa.DataType:
    """The Arrow type of a column of that kind."""
    return _ARROW_TYPES[kind]


@dataclass(frozen=True)
class Selected:
    """A table to build, and the columns of it to build."""

    table: EventTable
    columns: tuple[Column, ...]
    frames: tuple[Column, ...]
    frame_ids: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What to build, and which fields that (and the checks) needs.

    Attributes:
        tables: to build, by payload.
        keep: number fields to decode.
    """

    tables: Mapping[int, list[Selected]]
    keep: frozenset[Path]


@dataclass
class Tally:
    """What was seen, whether or not anyone wanted it.

    Attributes:
        events: how many, of every kind.
        types: event type → events of a type that is not known.
        generic_types: type of generic event → events of a type without known layout.
        classes: (payload, class) → events.
        owned: (payload, class, process) → events; class -1 where a payload has none.
        unknown: fields that are not known.
        notes: sentences about single oddities.
    """

    events: int = 0
    types: Counter[int] = field(default_factory=Counter)
    generic_types: Counter[int] = field(default_factory=Counter)
    payloads: Counter[int] = field(default_factory=Counter)
    classes: Counter[tuple[int, int]] = field(default_factory=Counter)
    owned: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    unknown: Unknown = field(default_factory=Unknown)
    notes: set[str] = field(default_factory=set)

    def add(self, other: Tally) -> None:
        """Count what another batch saw."""
        self.events += other.events
        self.types += other.types
        self.generic_types += other.generic_types
        self.payloads += other.payloads
        self.classes += other.classes
        self.owned += other.owned
        for (path, wire_type), count in other.unknown.fields.items():
            self.unknown.add(path, wire_type, count)
        self.notes |= other.notes


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


@dataclass(frozen=True)
class Events:
    """All events of a report.

    Attributes:
        tables: the tables that have rows.
        processes: the process messages, as they are, in order.
        tally: what was counted.
    """

    tables: dict[str, pa.Table]
    processes: list[bytes]
    tally: Tally


def plan(wanted: Wanted | None, version: layout.Version | None) -> Plan:
    """Choose tables, columns and fields.

    Args:
        wanted: tables and columns to build; None means all.
        version: of the file; decides between columns that came and went. None means the newest.
    """
    newest = version or layout.NEWEST_TESTED
    chosen: dict[int, list[Selected]] = {payload: [] for payload in (*layout.PAYLOAD_NAMES, layout.GENERIC)}
    keep = {*layout.NANOSECOND_FLAGS.values(), *layout.STRING_IDS, *layout.CLASS_FIELD.values()}
    keep |= set(layout.OWNER_FIELD.values())
    for table in layout.EVENT_TABLES:
        every = [
            column
            for column in table.columns
            if (column.since is None or newest >= column.since)
            and (column.until is None or newest < column.until)
        ]
        columns_ = tuple(column for column in every if _is_wanted(wanted, table.name, column.name))
        frames: tuple[Column, ...] = ()
        frame_ids: tuple[str, ...] = ()
        if table.chains is not None:
            frames = tuple(
                column
                for column in layout.FRAME_COLUMNS
                if _is_wanted(wanted, table.chains.name, column.name)
            )
            frame_ids = tuple(
                name for name in ("id", "stackDepth") if _is_wanted(wanted, table.chains.name, name)
            )
        if columns_ or frames or frame_ids:
            chosen[table.payload].append(Selected(table, columns_, frames, frame_ids))
            keep |= {path for column in columns_ for path in column.paths}
    return Plan(chosen, frozenset(keep))


def collect(
    container: Container, layouts: Mapping[int, Layout], wanted: Wanted | None, progress: Progress
) -> Events:
    """Decode every event block.

    Raises:
        ReportError: the content contradicts itself.
        UnsupportedReportError: an event is of a kind that would be misread.
    """
    what = plan(wanted, container.version)
    tally = Tally()
    processes: list[bytes] = []
    pieces: dict[tuple[str, str], list[pa.Array]] = {}
    rows: Counter[str] = Counter()
    chains: Counter[str] = Counter()
    for batch in _decoded(container, what, layouts):
        tally.add(batch.tally)
        processes += batch.processes
        for selected in (table for group in what.tables.values() for table in group):
            _append(batch, selected, pieces, rows, chains)
        progress(tally.events, container.event_count)
    if container.event_count not in (None, tally.events):
        raise container.source.damaged(
            f"the index promises {container.event_count} events, there are {tally.events}",
            container.blocks[0].offset if container.blocks else 0,
        )
    built = {}
    for group in what.tables.values():
        for selected in group:
            built.update(_tables(selected, pieces, rows))
    return Events(built, processes, tally)


def _is_wanted(wanted: Wanted | None, table: str, column: str) -> bool:
    return wanted is None or column in wanted.get(table, ())


def _decoded(container: Container, what: Plan, layouts: Mapping[int, Layout]) -> Iterator[Batch]:
    """The batches in order; as many are decoded ahead as there are threads."""
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    groups = _groups(container.blocks)
    if threads == 1 or len(container.blocks) == 1:
        for group in groups:
            yield _decode_batch(container, group, what, layouts)
        return
    running: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for group in groups:
                running.append(pool.submit(_decode_batch, container, group, what, layouts))
                if len(running) > threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    size = 0
    for block in blocks:
        if group and size + block.size > _BATCH_BYTES:
            yield group
            group, size = [], 0
        group.append(block)
        size += block.size
    if group:
        yield group


def _decode_batch(
    container: Container, blocks: list[Block], what: Plan, layouts: Mapping[int, Layout]
) -> Batch:
    source = container.source
    parts = [decompress(source, container.data, block) for block in blocks]
    block_ends = np.cumsum([len(part) for part in parts])
    buffer = Buffer(parts)
    del parts
    try:
        return _decode_buffer(buffer, block_ends, what, layouts, len(container.strings))
    except WireError as error:
        block = min(int(np.searchsorted(block_ends, error.at, "right")), len(blocks) - 1)
        inside = error.at - (int(block_ends[block - 1]) if block else 0)
        report = source.unsupported if isinstance(error, _UnsupportedError) else source.damaged
        raise report(f"{error.what}, {inside} bytes into a block", blocks[block].offset) from error


class _UnsupportedError(WireError):
    """Valid bytes that mean something this reader would misread."""


def _decode_buffer(
    buffer: Buffer,
    block_ends: NDArray[np.int64],
    what: Plan,
    layouts: Mapping[int, Layout],
    string_count: int,
) -> Batch:
    batch = Batch()
    starts, ends, generic = columns.events(buffer)
    for block_end in block_ends[block_ends > 0].tolist():
        last = int(np.searchsorted(ends, block_end))
        if last == ends.size or ends[last] != block_end:
            raise WireError("an event reaches into the next block", block_end - 1)
    if generic.any():
        _decode_samples(buffer, starts[generic], ends[generic], what, layouts, batch)
        starts, ends = starts[~generic], ends[~generic]
    # The index counts these only.
    batch.tally.events = starts.size
    top = columns.split(buffer, starts, ends, _EVENT_SHAPE, unknown=batch.tally.unknown)
    types = _event_types(top, starts)
    payloads = {number: column for number, column in top.items() if column.sizes is not None}
    _check_one_payload(payloads, starts)
    for number, column in payloads.items():
        if number not in layout.PAYLOAD_NAMES:
            continue
        rows = slice(None) if column.rows is None else column.rows
        _check_types(types[rows], number, column.values, batch.tally)
        _decode_payload(buffer, number, column, what, string_count, batch)
    return batch


def _decode_samples(
    buffer: Buffer,
    starts: Positions,
    ends: Positions,
    what: Plan,
    layouts: Mapping[int, Layout],
    batch: Batch,
) -> None:
    found = samples.decode(
        buffer,
        starts,
        ends,
        layouts,
        unknown=batch.tally.unknown,
        others=batch.tally.generic_types,
    )
    for selected in what.tables[layout.GENERIC] if found else ():
        batch.rows[selected.table.name] = found["value"].size
        for column in selected.columns:
            batch.pieces[selected.table.name, column.name] = pa.array(
                found[column.name], arrow_type(column.type)
            )


def _event_types(top: dict[int, Field], starts: Positions) -> NDArray[np.int64]:
    column = top.get(_EVENT_TYPE)
    if column is None or (column.rows is not None and column.rows.size < starts.size):
        if starts.size == 0:
            return np.zeros(0, np.int64)
        raise WireError("an event has no type", int(starts[0]))
    if column.values.max() > np.iinfo(np.int32).max:
        raise WireError("an event type is no small number", int(starts[0]))
    return column.values.astype(np.int64)


def _check_one_payload(payloads: Mapping[int, Field], starts: Positions) -> None:
    count = np.zeros(starts.size, np.uint8)
    for column in payloads.values():
        if column.depths is not None and column.depths.any():
            raise WireError("an event has two payloads", int(starts[0]))
        count[slice(None) if column.rows is None else column.rows] += 1
    if (count > 1).any():
        raise WireError("an event has two payloads", int(starts[np.flatnonzero(count > 1)[0]]))


def _check_types(types: NDArray[np.int64], payload: int, positions: Positions, tally: Tally) -> None:
    for value, count in _counted(types):
        expected = layout.EVENT_TYPES.get(value)
        if expected is None:
            tally.types[value] += count
        elif expected != payload:
            at = int(positions[np.flatnonzero(types == value)[0]])
            raise _UnsupportedError(f"an event of type {value} has payload {payload}, not {expected}", at)


def _decode_payload(
    buffer: Buffer, payload: int, column: Field, what: Plan, string_count: int, batch: Batch
) -> None:
    starts = column.values
    assert column.sizes is not None
    ends = starts + column.sizes
    batch.tally.payloads[payload] += starts.size
    fields = columns.decode(
        buffer,
        starts,
        ends,
        layout.SHAPES[payload],
        path=(payload,),
        keep=what.keep,
        repeated=layout.REPEATED,
        unknown=batch.tally.unknown,
    )
    flag = layout.NANOSECOND_FLAGS.get(payload)
    if flag is not None:
        _check_nanoseconds(fields.get(flag), starts)
    for path in layout.STRING_IDS:
        if path in fields:
            _check_strings(fields[path], string_count, path, starts)
    classes = _classes(payload, fields, starts, batch.tally)
    if payload == layout.NVTX and (payload, 8, 9) in fields:
        batch.tally.notes.add("NVTX_EVENTS: binary payloads are not decoded, their ranges are")
    if payload == layout.PROCESS:
        batch.processes += [
            bytes(buffer.view[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
    for selected in what.tables[payload]:
        chosen = _rows_of(selected.table, classes, fields, starts.size)
        if chosen is not None and chosen.size == 0:
            continue
        _build(buffer, selected, fields, starts, chosen, batch)
    _check_frames(buffer, payload, fields, string_count, batch.tally)


def _check_nanoseconds(flag: Field | None, starts: Positions) -> None:
    if starts.size and (flag is None or flag.rows is not None or (flag.values != 1).any()):
        raise _UnsupportedError("an event's time is not in nanoseconds", int(starts[0]))


def _check_strings(ids: Field, string_count: int, path: Path, starts: Positions) -> None:
    if ids.values.size and int(ids.values.max()) >= string_count:
        name = ".".join(map(str, path))
        raise WireError(
            f"field {name} refers to string {int(ids.values.max())}, the last one is {string_count - 1}",
            int(starts[0]),
        )


def _classes(
    payload: int, fields: dict[Path, Field], starts: Positions, tally: Tally
) -> NDArray[np.int64] | None:
    """Each event's class, checked against its details and counted by process."""
    classes: NDArray[np.int64] | None = None
    if payload in layout.CLASS_FIELD and starts.size:
        found = fields.get(layout.CLASS_FIELD[payload])
        if found is None or found.rows is not None or found.values.max() > np.iinfo(np.int32).max:
            raise WireError(f"a {layout.PAYLOAD_NAMES[payload]} event has no valid class", int(starts[0]))
        classes = found.values.astype(np.int64)
    owners = None
    owner = fields.get(layout.OWNER_FIELD[payload]) if payload in layout.OWNER_FIELD else None
    if owner is not None:
        # An event without owner counts for process 0, which no diagnostic speaks of.
        owners = np.zeros(starts.size, np.uint64)
        owners[slice(None) if owner.rows is None else owner.rows] = owner.values
        owners >>= np.uint64(24)
    for value in [-1] if classes is None else [value for value, _ in _counted(classes)]:
        mine = None if classes is None else classes == value
        tally.classes[payload, value] += starts.size if mine is None else int(np.count_nonzero(mine))
        if owners is not None:
            for process, count in _counted(owners if mine is None else owners[mine]):
                tally.owned[payload, value, process] += count
    if payload == layout.CUDA and classes is not None:
        for value, details in layout.CUDA_DETAILS.items():
            having = _presence(fields.get((payload, details)), starts.size)
            odd = np.flatnonzero((classes == value) != having)
            if odd.size:
                raise _UnsupportedError(
                    f"a CUDA event of class {classes[odd[0]]} does not fit its details", int(starts[odd[0]])
                )
    return classes


def _counted(values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """(value, occurrences), ascending; several times as fast as `numpy.unique` where it matters."""
    if values.size == 0:
        return
    largest = int(values.max())
    if int(values.min()) == largest:
        yield largest, values.size
    elif largest <= _MOST_COUNTERS:
        counts = np.bincount(values.astype(np.int64, copy=False))
        for value in np.flatnonzero(counts).tolist():
            yield value, int(counts[value])
    else:
        yield from zip(*(column.tolist() for column in np.unique(values, return_counts=True)), strict=True)


def _presence(column: Field | None, count: int) -> NDArray[np.bool_]:
    if column is not None and column.rows is None:
        return np.ones(count, np.bool_)
    present = np.zeros(count, np.bool_)
    if column is not None:
        present[column.rows] = True
    return present


def _rows_of(
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
        mine &= _presence(fields.get(table.having), count)
    for path in table.lacking:
        mine &= ~_presence(fields.get(path), count)
    return None if mine.all() else np.flatnonzero(mine)


def _build(
    buffer: Buffer,
    selected: Selected,
    fields: dict[Path, Field],
    starts: Positions,
    chosen: Positions | None,
    batch: Batch,
) -> None:
    table = selected.table
    count = starts.size if chosen is None else chosen.size
    batch.rows[table.name] = count
    if table.chains is not None:
        numbers = _number_chains(buffer, selected, fields, starts.size, chosen, batch)
    for column in selected.columns:
        if table.chains is not None and column.name == table.chains.id_column:
            piece = numbers
        elif column.paths == ((layout.SAMPLE, 5, 2),):
            piece = _first_counter(buffer, fields, starts.size, batch.tally)
        else:
            piece = None
            for path in column.paths:
                if path in fields:
                    other = _values(buffer, fields[path], column, starts, chosen)
                    piece = other if piece is None else piece.fill_null(other)
        if piece is not None:
            batch.pieces[table.name, column.name] = piece


def _values(
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
        present = _presence(found, starts.size)
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
    missing = None if present is None else ~present
    if sizes is not None:
        if missing is not None:
            # Absent values stand at position 0; that may be read, and is masked.
            values = np.where(missing, 0, values)
        words = buffer.words[values]
        numbers: NDArray[Any] = words.view(np.float64)
        if column.type == "f32":
            numbers = words.astype(np.uint32).view(np.float32)
    else:
        numbers = _narrowed(values, column, starts)
    return pa.array(numbers, arrow_type(column.type), mask=missing)


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
) -> pa.StringArray:
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    source = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
    content = buffer.bytes[source]
    validity = None
    if present is not None:
        validity = pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    buffers = [validity, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(content)]
    binary = pa.Array.from_buffers(pa.binary(), sizes.size, buffers)
    try:
        return binary.cast(pa.string())
    except pa.ArrowInvalid:
        # Not UTF-8: the program that was profiled may put any bytes there.
        decoded = [
            None if value is None else value.decode("utf-8", "replace") for value in binary.to_pylist()
        ]
        return pa.array(decoded, pa.string())


def _number_chains(
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
        return pa.array(np.where(having, numbers, chains.missing), pa.int64())
    return pa.array(numbers, pa.int64(), mask=~having)


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
    if chains.name == _CUDA_BACKTRACES:
        batch.tally.notes.add(
            "CUDA_CALLCHAINS: no report with CUDA backtraces was available to test this table"
        )
    starts = frames.values[mine]
    batch.rows[chains.name] = mine.size
    found = columns.decode(
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
            batch.pieces[chains.name, column.name] = _values(
                buffer, found[column.paths[0]], column, starts, None
            )
    if "id" in selected.frame_ids:
        batch.pieces[chains.name, "id"] = pa.array(numbers[frames.rows[mine]], pa.int64())
    if "stackDepth" in selected.frame_ids:
        batch.pieces[chains.name, "stackDepth"] = pa.array(frames.depths[mine].astype(np.int32), pa.int32())


def _frame_shape(path: Path) -> columns.Shape:
    shape = layout.SHAPES[path[0]][path[1]]
    assert not isinstance(shape, int)
    return shape


def _check_frames(
    buffer: Buffer, payload: int, fields: dict[Path, Field], string_count: int, tally: Tally
) -> None:
    """Walk the messages inside repeated fields, which `columns.decode` leaves closed."""
    for path in layout.REPEATED:
        shape = layout.SHAPES[payload].get(path[1]) if path[0] == payload else None
        if path not in fields or shape is None or isinstance(shape, int):
            continue
        inner = fields[path]
        assert inner.sizes is not None
        is_frame = shape is not layout.SHAPES[layout.SAMPLE].get(5)
        keep = {(*path, number) for number in layout.FRAME_STRING_IDS} if is_frame else set()
        found = columns.split(
            buffer,
            inner.values,
            inner.values + inner.sizes,
            shape,
            path=path,
            keep=keep,
            unknown=tally.unknown,
        )
        for number in layout.FRAME_STRING_IDS if is_frame else ():
            if number in found:
                _check_strings(found[number], string_count, (*path, number), inner.values)


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
    found = columns.split(buffer, starts, starts + counters.sizes[first], shape, unknown=Unknown())
    if 2 not in found:
        return None
    rows = counters.rows[first]
    value = found[2]
    placed = Field(rows if value.rows is None else rows[value.rows], value.values)
    column = Column("cpuCycles", "u64")
    return _values(buffer, placed, column, np.zeros(count, np.int64), None)


def _append(
    batch: Batch,
    selected: Selected,
    pieces: dict[tuple[str, str], list[pa.Array]],
    rows: Counter[str],
    chains: Counter[str],
) -> None:
    """Put a batch's pieces of a table behind those of the batches before."""
    table = selected.table
    frames = table.chains
    before = chains[frames.name] if frames is not None else 0
    for name, columns_ in _layout(selected):
        count = batch.rows.get(name, 0)
        if count == 0:
            continue
        rows[name] += count
        for column, kind in columns_:
            piece = batch.pieces.get((name, column))
            if piece is None:
                piece = pa.nulls(count, arrow_type(kind))
            elif (
                before
                and frames is not None
                and (name, column) in ((table.name, frames.id_column), (frames.name, "id"))
            ):
                numbers = (
                    piece.to_numpy(zero_copy_only=False)
                    if piece.null_count == 0
                    else piece.fill_null(0).to_numpy()
                )
                shifted = np.where(numbers > 0, numbers + before, numbers)
                piece = pa.array(shifted, pa.int64(), mask=piece.is_null().to_numpy(zero_copy_only=False))
            pieces.setdefault((name, column), []).append(piece)
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


def _tables(
    selected: Selected, pieces: dict[tuple[str, str], list[pa.Array]], rows: Counter[str]
) -> dict[str, pa.Table]:
    built = {}
    for name, columns_ in _layout(selected):
        if rows[name]:
            arrays = [pa.chunked_array(pieces[name, column], arrow_type(kind)) for column, kind in columns_]
            built[name] = pa.table(arrays, names=[column for column, _ in columns_])
    return built
