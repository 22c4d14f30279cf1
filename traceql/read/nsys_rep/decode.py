"""Event blocks become fields: decompressed, split into events, checked, and handed on to `assemble`.

A batch of blocks is decoded on its own, by one thread: several would wait for the interpreter's lock.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import pyarrow as pa

from traceql.read.arrays import numbers_of, of_numbers
from traceql.read.buffer import Buffer
from traceql.read.nsys_rep import alike, checks, in_turn, layout, messages, samples, together
from traceql.read.nsys_rep.arrow import arrow_type
from traceql.read.nsys_rep.assemble import Batch, build, rows_of
from traceql.read.nsys_rep.blocks import events
from traceql.read.nsys_rep.checks import UnsupportedEventError
from traceql.read.nsys_rep.container import decompress, let_go
from traceql.read.protobuf import BYTES, VARINT, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from traceql.read.buffer import Positions
    from traceql.read.nsys_rep.container import Block, Container
    from traceql.read.nsys_rep.messages import Field, Path
    from traceql.read.nsys_rep.plan import Plan
    from traceql.read.nsys_rep.samples import Layout

# Decompressed bytes that are decoded at once: enough events that the cost of a numpy call does not count, few
# enough that intermediate columns stay small.
_BATCH_BYTES: Final = 1 << 22

# What a block costs besides, in bytes.
_BLOCK_COST: Final = 1 << 10


# What API calls are joined with is decoded before them, where a report has so many groups of blocks: to look
# twice for where events begin takes a twentieth of the time.
_LEAST_GROUPS: Final = 4
# So many are remembered from the first time.
_MOST_EVENTS_KEPT: Final = 1 << 21

# Event, type field, and what an event is made of: its type and one payload.
_EVENT_TYPE: Final = 1
_EVENT_SHAPE: Final = {_EVENT_TYPE: VARINT, **dict.fromkeys(layout.PAYLOAD_NAMES, BYTES)}
_TAG_OF_TYPE: Final = _EVENT_TYPE << 3 | VARINT
# By the two bytes of a tag: whether it is that of a payload which comes later.
_LATER_TAGS: Final = np.zeros(1 << 16, np.bool_)
for _number in set(layout.PAYLOAD_NAMES) - layout.FIRST:
    _tag = _number << 3 | BYTES
    _LATER_TAGS[(_tag & 0x7F) | 0x80 | _tag >> 7 << 8] = True


def batches(
    container: Container, what: Plan, layouts: Mapping[int, Layout], at_once: int
) -> tuple[Iterator[Batch], int]:
    """The batches in order, each of which one of so many processes decodes.

    Returns:
        They, and how many of them hold all events of the payloads that come `layout.FIRST`.
    """
    forms = alike.Forms(what.keep)
    groups = list(_groups(container.blocks))
    first = len(groups)
    if first < _LEAST_GROUPS:
        return map(partial(_decode_batch, container, what, layouts, forms, events, None), groups), first
    places = _Places()

    def decode(number: int) -> Batch:
        of_first, at = number < first, number % first
        find = partial(places.of, at)
        return _decode_batch(container, what, layouts, forms, find, of_first, groups[at])

    return in_turn.decoded(2 * first, decode, at_once), first


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    size = 0
    for block in blocks:
        # Blocks without content take time, too.
        if group and size + block.size + _BLOCK_COST > _BATCH_BYTES:
            yield group
            group, size = [], 0
        group.append(block)
        size += block.size + _BLOCK_COST
    if group:
        yield group


# Where the events of a batch begin and end, and which are generic ones.
_Found: TypeAlias = "tuple[Positions, Positions, NDArray[np.bool_]]"


class _Places:
    """Where the events of batches begin and end, as `blocks.events` has it, for a second look at them."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.bool_]]] = {}
        self._left = _MOST_EVENTS_KEPT

    def of(self, number: int, buffer: Buffer) -> _Found:
        """Those of the batch of that number."""
        if (kept := self._kept.pop(number, None)) is not None:
            return kept[0].astype(np.int64), kept[1].astype(np.int64), kept[2]
        starts, ends, generic = events(buffer)
        if buffer.size < 1 << 32 and starts.size <= self._left:
            self._left -= starts.size
            self._kept[number] = starts.astype(np.uint32), ends.astype(np.uint32), generic
        return starts, ends, generic


def _decode_batch(
    container: Container,
    what: Plan,
    layouts: Mapping[int, Layout],
    forms: alike.Forms,
    find: Callable[[Buffer], _Found],
    of_first: bool | None,
    blocks: list[Block],
) -> Batch:
    """The events of some blocks: of payloads that come first, the others, or all (None)."""
    source = container.source
    parts = [decompress(source, container.data, block) for block in blocks]
    let_go(container.data, blocks)
    ends = np.cumsum([len(part) for part in parts])
    buffer = Buffer(parts)
    del parts
    try:
        # What is wrong with an event is said by who looks at all of them together.
        with contextlib.suppress(WireError):
            return _decode_buffer(buffer, ends, what, layouts, len(container.strings), forms, find, of_first)
        return _decode_buffer(buffer, ends, what, layouts, len(container.strings), None, events, of_first)
    except WireError as error:
        block = min(int(np.searchsorted(ends, error.at, "right")), len(blocks) - 1)
        inside = error.at - (int(ends[block - 1]) if block else 0)
        report = source.unsupported if isinstance(error, UnsupportedEventError) else source.damaged
        raise report(f"{error.what}, {inside} bytes into a block", blocks[block].offset) from error


def _decode_buffer(
    buffer: Buffer,
    block_ends: NDArray[np.int64],
    what: Plan,
    layouts: Mapping[int, Layout],
    string_count: int,
    forms: alike.Forms | None,
    find: Callable[[Buffer], _Found],
    of_first: bool | None,
) -> Batch:
    batch = Batch()
    starts, ends, generic = find(buffer)
    for block_end in block_ends[block_ends > 0].tolist():
        last = int(np.searchsorted(ends, block_end))
        if last == ends.size or ends[last] != block_end:
            raise WireError("an event reaches into the next block", block_end - 1)
    if of_first is not None:
        chosen = (generic | ~_comes_first(buffer, starts)) ^ of_first
        starts, ends, generic = starts[chosen], ends[chosen], generic[chosen]
    if generic.any():
        _decode_samples(buffer, starts[generic], ends[generic], what, layouts, batch)
        starts, ends = starts[~generic], ends[~generic]
    # The index counts these only.
    batch.tally.events = starts.size
    groups, rest = forms.take(buffer, starts, ends) if forms is not None else alike.nothing(starts)
    starts, ends = starts[rest], ends[rest]
    top = messages.split(buffer, starts, ends, _EVENT_SHAPE, unknown=batch.tally.unknown)
    types = checks.event_types(top.get(_EVENT_TYPE), starts)
    payloads = {number: column for number, column in top.items() if column.sizes is not None}
    checks.one_payload(payloads, starts)
    for number in layout.PAYLOAD_NAMES:
        column, of_forms = payloads.get(number), groups.get(number, ())
        begins, fields, rows = np.zeros(0, np.int64), {}, rest[:0]
        if column is not None:
            mine = slice(None) if column.rows is None else column.rows
            checks.types_fit(types[mine], number, column.values, batch.tally)
            begins, rows = column.values, rest[mine]
            fields = _fields(buffer, number, column, what, batch)
        if rows.size or of_forms:
            begins, fields = together.joined(of_forms, rows, begins, fields)
            _build(buffer, number, begins, fields, what, string_count, batch)
    return batch


def _comes_first(buffer: Buffer, starts: Positions) -> NDArray[np.bool_]:
    """Which events may have a payload that comes first: all but those that begin with another one.

    Such an event has no second payload: that would be refused.
    """
    data = buffer.bytes
    # Behind the type, a number of one or two bytes.
    at = starts + 2
    is_long = data[starts + 1] >= 0x80
    at += is_long
    tags = data[at].astype(np.uint16) | data[at + 1].astype(np.uint16) << 8
    first: NDArray[np.bool_] = (data[starts] != _TAG_OF_TYPE) | ~_LATER_TAGS[tags]
    first |= is_long & (data[starts + 2] >= 0x80)
    return first


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
        seen=batch.tally.generic_seen,
    )
    for selected in what.tables[layout.GENERIC]:
        columns = found.get(selected.table.name)
        if columns is None:
            continue
        batch.rows[selected.table.name] = len(next(iter(columns.values())))
        for column in selected.columns:
            values, kind = columns[column.name], arrow_type(column.type)
            numbers, told = numbers_of(values) if isinstance(values, pa.Array) else (values, None)
            batch.pieces[selected.table.name, column.name] = of_numbers(numbers, kind, told)


def _fields(buffer: Buffer, payload: int, column: Field, what: Plan, batch: Batch) -> dict[Path, Field]:
    """The fields of messages of one payload."""
    starts = column.values
    assert column.sizes is not None
    ends = starts + column.sizes
    if payload == layout.PROCESS:
        batch.processes += [
            bytes(buffer.view[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
    return messages.decode(
        buffer,
        starts,
        ends,
        layout.SHAPES[payload],
        path=(payload,),
        keep=what.keep,
        repeated=layout.REPEATED,
        unknown=batch.tally.unknown,
    )


def _build(
    buffer: Buffer,
    payload: int,
    starts: Positions,
    fields: dict[Path, Field],
    what: Plan,
    string_count: int,
    batch: Batch,
) -> None:
    """Check the messages of one payload, and make rows of them."""
    batch.tally.payloads[payload] += starts.size
    flag = layout.NANOSECOND_FLAGS.get(payload)
    if flag is not None:
        checks.nanoseconds(fields.get(flag), starts)
    for path in layout.STRING_IDS:
        if path in fields:
            checks.strings(fields[path], string_count, path, starts)
    classes = checks.classes(payload, fields, starts, batch.tally)
    for selected in what.tables[payload]:
        kinds = selected.table.classes
        if kinds is not None and not any(batch.tally.classes[payload, one] for one in kinds):
            continue
        chosen = rows_of(selected.table, classes, fields, starts.size)
        if chosen is not None and chosen.size == 0:
            continue
        build(buffer, selected, fields, starts, chosen, batch)
    checks.frames(buffer, payload, fields, string_count, batch.tally, classes)
