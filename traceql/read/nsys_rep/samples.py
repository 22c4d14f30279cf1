"""Generic events: messages whose layout the report itself describes. GPU metrics come as such.

A sample is { 1: type, 2: time, 3: bytes, 4: thread }; its type, in the index, lists { 1: name, 2: offset,
3: size, 8: kind } of each number among the bytes. The upper half of a type's id is that of its source, which
the index names: GpuMetrics and SocMetrics have tables of their own, the others (GenericCounters, which are
those of NVTX, FTrace, ETW …) are generic events. Names of metrics mostly end in a unit, ``GR Active
[Throughput %]``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from traceql.read import protobuf
from traceql.read.arrays import numbers_of, of_numbers
from traceql.read.nsys_rep import messages
from traceql.read.protobuf import BYTES, VARINT, WireError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions
    from traceql.read.nsys_rep.container import Container
    from traceql.read.nsys_rep.messages import Field, Unknown

_THREAD_SHAPE: Final[messages.Shape] = {1: VARINT, 2: VARINT, 3: VARINT, 4: VARINT}
_SHAPE: Final[messages.Shape] = {1: VARINT, 2: VARINT, 3: BYTES, 4: _THREAD_SHAPE}
_TYPE, _TIME, _CONTENT, _THREAD = 1, 2, 3, 4
# Bits of the machine, the VM, the process and the thread in a global thread id.
_SHIFTS: Final = {1: 56, 2: 48, 3: 24, 4: 0}

# A number is read as one word.
_MOST_BYTES: Final = 8

#: Source → the table of its samples.
TABLES: Final[Mapping[str, str]] = MappingProxyType(
    {"GpuMetrics": "GPU_METRICS", "SocMetrics": "SOC_METRICS"}
)
_EVENTS: Final = "GENERIC_EVENTS"
_DATA: Final = "GENERIC_EVENT_DATA"

# Kinds of numbers (ENUM_NSYS_GENERIC_EVENT_FIELD_TYPE of the export), and the columns of their values.
_VALUES: Final = ("intVal", "uintVal", "floatVal", "doubleVal")
_SIGNED, _UNSIGNED, _FLOAT, _DOUBLE = range(len(_VALUES))
_FLOAT_BYTES: Final = {_FLOAT: 4, _DOUBLE: 8}
# Of a counter that has no value just then NVTX sends one byte: why, of which 0 is that the value is zero.
_NO_VALUE_BYTES: Final = 1


class Layout(NamedTuple):
    """Where the numbers of one type of sample stand.

    Attributes:
        type_id: of the samples; the last byte is the GPU's id.
        names: of the metrics, by metric id; none where the samples are no numbers.
        offsets: of each number's first byte.
        sizes: of each number, in bytes.
        table: that the samples belong to.
        kinds: of each number.
        name_id: string that names the type; None where it has no name.
    """

    type_id: int
    names: tuple[str, ...]
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    table: str = "GPU_METRICS"
    kinds: tuple[int, ...] = ()
    name_id: int | None = None

    @property
    def source_id(self) -> int:
        """Id of what produced the samples."""
        return self.type_id & ~0xFFFFFFFF


def layouts(container: Container) -> dict[int, Layout]:
    """The layouts of generic events by type id.

    Raises:
        WireError: a layout is not valid, or refers to a string that does not exist.
    """
    sources = {
        protobuf.number(source, 1): container.string(protobuf.number(source, 3) or 0, "a source of events")
        for source in container.generic_sources
    }
    found = {}
    for described in container.generic_types:
        numbers = [
            tuple(protobuf.number(field, number) or 0 for number in (1, 2, 3, 8))
            for field in protobuf.submessages(described, 3)
        ]
        names = tuple(container.string(name, "a generic event") for name, _, _, _ in numbers)
        type_id = protobuf.number(described, 1) or 0
        one = Layout(
            type_id,
            names,
            tuple(offset for _, offset, _, _ in numbers),
            tuple(size for _, _, size, _ in numbers),
            kinds=tuple(kind for _, _, _, kind in numbers),
            name_id=protobuf.number(described, 2),
        )
        table = TABLES.get(sources.get(one.source_id, ""), _EVENTS)
        # Where the index names no source, the units tell.
        if one.source_id not in sources and all(name.endswith("]") for name in names):
            table = "GPU_METRICS"
        if table != _EVENTS and any(not 1 <= size <= _MOST_BYTES for size in one.sizes):
            raise WireError(f"a GPU metric has {max(one.sizes)} bytes", 0)
        found[type_id] = one._replace(table=table)
    return found


def decode(
    buffer: Buffer,
    starts: Positions,
    ends: Positions,
    known: Mapping[int, Layout],
    *,
    unknown: Unknown,
    others: Counter[int],
    seen: set[int] | None = None,
) -> dict[str, dict[str, Any]]:
    """Table → its columns: one value per metric and sample, one row per event; empty without samples.

    Args:
        buffer: holds the messages.
        starts: where each begins.
        ends: where each ends.
        known: the layouts by type.
        unknown: where fields that are not known are counted.
        others: where events of types without layout are counted.
        seen: takes the types that there are.

    Raises:
        WireError: a message is not valid, or shorter than its layout.
    """
    if starts.size == 0:
        return {}
    fields = messages.split(buffer, starts, ends, _SHAPE, unknown=unknown)
    if any(number not in fields or fields[number].rows is not None for number in (_TYPE, _TIME, _CONTENT)):
        raise WireError("a generic event lacks its type, time or content", int(starts[0]))
    types = fields[_TYPE].values.astype(np.uint64)
    times = fields[_TIME].values.astype(np.uint64).view(np.int64)
    at, room = fields[_CONTENT].values, fields[_CONTENT].sizes
    assert room is not None
    pieces: dict[str, list[tuple[Positions, dict[str, NDArray[Any]]]]] = {}
    events: list[tuple[Positions, Layout]] = []
    for type_id in np.unique(types).tolist():
        rows = np.flatnonzero(types == type_id)
        if seen is not None:
            seen.add(type_id)
        layout = known.get(type_id)
        if layout is None:
            others[type_id] += rows.size
            continue
        if layout.table == _EVENTS:
            events.append((rows, layout))
            continue
        # A type without fields describes layouts again; no table of the export has it.
        if not layout.names:
            continue
        needed = max(offset + size for offset, size in zip(layout.offsets, layout.sizes, strict=True))
        if (room[rows] < needed).any():
            raise WireError("a GPU metrics sample is shorter than its layout", int(at[rows[0]]))
        pieces.setdefault(layout.table, []).append((rows, _values(buffer, layout, at[rows], times[rows])))
    found: dict[str, dict[str, Any]] = {table: _in_order(parts) for table, parts in pieces.items()}
    if events:
        threads = _threads(buffer, fields.get(_THREAD), starts.size, unknown)
        found |= _events(buffer, events, at, room, types, times, threads)
    return found


def _threads(buffer: Buffer, field: Field | None, count: int, unknown: Unknown) -> pa.Array:
    """The thread of each event, as a global id; NULL where none is told."""
    values = np.zeros(count, np.uint64)
    told = np.zeros(count, np.bool_)
    if field is not None and field.sizes is not None:
        rows = np.arange(count) if field.rows is None else field.rows
        told[rows] = True
        parts = messages.split(
            buffer, field.values, field.values + field.sizes, _THREAD_SHAPE, path=(_THREAD,), unknown=unknown
        )
        for number, part in parts.items():
            if number in _SHIFTS:
                mine = rows if part.rows is None else rows[part.rows]
                values[mine] |= part.values.astype(np.uint64) << np.uint64(_SHIFTS[number])
    return of_numbers(values, pa.uint64(), told)


def _events(
    buffer: Buffer,
    found: Sequence[tuple[Positions, Layout]],
    at: Positions,
    room: Positions,
    types: NDArray[np.uint64],
    times: NDArray[np.int64],
    threads: pa.Array,
) -> dict[str, dict[str, Any]]:
    """The events of other sources in the order of the file, and their numbers; they count from 1."""
    order = np.sort(np.concatenate([rows for rows, _ in found]))
    tables: dict[str, dict[str, Any]] = {
        _EVENTS: {
            "genericEventId": np.arange(1, order.size + 1),
            "rawTimestamp": times[order],
            "timestamp": times[order],
            "typeId": types[order],
            "globalTid": _chosen(threads, order),
        }
    }
    ids, positions = [], []
    columns: dict[str, tuple[list[NDArray[Any]], list[NDArray[np.bool_]]]] = {
        name: ([], []) for name in _VALUES
    }
    for rows, layout in found:
        number = np.searchsorted(order, rows) + 1
        for position, (offset, size, kind) in enumerate(
            zip(layout.offsets, layout.sizes, layout.kinds, strict=True)
        ):
            if size > _MOST_BYTES or size != _FLOAT_BYTES.get(kind, size):
                continue
            values, inside = _numbers(buffer, at[rows], room[rows], offset, size, kind)
            ids.append(number)
            positions.append(np.full(rows.size, position))
            for name in _VALUES:
                mine = name == _VALUES[kind]
                columns[name][0].append(values if mine else np.zeros(rows.size, np.int64))
                columns[name][1].append(inside if mine else np.zeros(rows.size, np.bool_))
    if ids:
        joined, fields = np.concatenate(ids), np.concatenate(positions)
        by_event = np.lexsort((fields, joined))
        tables[_DATA] = {"genericEventId": joined[by_event], "fieldIdx": fields[by_event]}
        for name, form in zip(_VALUES, ("i8", "u8", "f8", "f8"), strict=True):
            parts, told = columns[name]
            whole = np.concatenate([part.astype(form) for part in parts])[by_event]
            kind_of = pa.from_numpy_dtype(whole.dtype)
            tables[_DATA][name] = of_numbers(whole, kind_of, np.concatenate(told)[by_event])
    return tables


def _chosen(numbers: pa.Array, rows: Positions) -> pa.Array:
    values, told = numbers_of(numbers)
    return of_numbers(values[rows], numbers.type, None if told is None else told[rows])


def _numbers(
    buffer: Buffer, at: Positions, room: Positions, offset: int, size: int, kind: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """One number of each event, and whether it has one."""
    inside = room >= offset + size
    words = np.where(inside, buffer.words[np.where(inside, at + offset, 0)], 0)
    words = words.astype(np.uint64)
    shift = np.uint64(64 - 8 * size)
    values: NDArray[Any] = (words << shift) >> shift
    if kind == _SIGNED:
        values = (words << shift).view(np.int64) >> shift.astype(np.int64)
    elif kind == _FLOAT:
        values = values.astype(np.uint32).view(np.float32)
    elif kind == _DOUBLE:
        values = values.view(np.float64)
    # One byte where a number belongs: the value is zero, or there is none.
    is_zero = ~inside & (room == _NO_VALUE_BYTES) & (buffer.bytes[np.where(room > 0, at, 0)] == 0)
    return np.where(is_zero, 0, values).astype(values.dtype), inside | is_zero


def _values(
    buffer: Buffer, layout: Layout, at: Positions, times: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    count = len(layout.names)
    values = np.empty((at.size, count), np.int64)
    for metric, (offset, size) in enumerate(zip(layout.offsets, layout.sizes, strict=True)):
        # To the top of the word and back: what stands behind the number goes, its sign stays.
        shift = np.int64(64 - 8 * size)
        values[:, metric] = (buffer.words[at + offset] << shift.astype(np.uint64)).view(np.int64) >> shift
    return {
        "rawTimestamp": np.repeat(times, count),
        "timestamp": np.repeat(times, count),
        "typeId": np.full(at.size * count, layout.type_id, np.uint64),
        "metricId": np.tile(np.arange(count, dtype=np.uint64), at.size),
        "value": values.ravel(),
    }


def _in_order(pieces: Sequence[tuple[Positions, dict[str, NDArray[Any]]]]) -> dict[str, NDArray[Any]]:
    """The pieces of several GPUs, put back into the order of the file."""
    if len(pieces) <= 1:
        return pieces[0][1] if pieces else {}
    samples = np.concatenate([np.repeat(rows, piece["value"].size // rows.size) for rows, piece in pieces])
    order = np.argsort(samples, kind="stable")
    return {name: np.concatenate([piece[name] for _, piece in pieces])[order] for name in pieces[0][1]}
