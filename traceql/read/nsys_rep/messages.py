"""Protobuf messages of one kind, thousands at a time, as numpy columns.

All messages are walked in lockstep: one step reads one field of every message that has it next. A step costs
a handful of numpy calls however many messages there are, so nothing here loops over events in Python. Where
steps read few fields (one message with a million of them) `leftover` reads the rest one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from traceql.read.buffer import varints
from traceql.read.nsys_rep import leftover
from traceql.read.protobuf import ANY, BYTES, FIXED64, VARINT, WIRE_TYPE_NAMES, WireError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Numbers, Positions

#: Field number → wire type, or the shape of the message that it holds.
Shape: TypeAlias = Mapping[int, "int | Shape"]

#: Field numbers from the outermost message inwards.
Path: TypeAlias = tuple[int, ...]

# The tag of a message that has ended: larger than every tag of two bytes.
_ENDED: Final = np.uint16(0xFFFF)

# What a step costs, in fields that are read one after the other: for itself, and for the messages that wait.
_STEP_COST: Final = 64
_WAITING_PER_FIELD: Final = 512
# How much dearer steps may have been than that before they end.
_MOST_DEBT: Final = 4096
# Of an unknown field nobody wants more than whether it repeats.
_MOST_UNKNOWN: Final = 2


class Field(NamedTuple):
    """What the messages hold in one field.

    Attributes:
        rows: which messages have it, ascending; None when all do. A repeated field names a message again for
            each occurrence.
        values: the numbers, or the positions of the first byte for bytes and fixed-size numbers.
        sizes: how many bytes there are; None for numbers.
        depths: which occurrence in its message this is, from 0; None unless the field may repeat.
    """

    rows: Positions | None
    values: Numbers
    sizes: Positions | None = None
    depths: Positions | None = None


@dataclass
class Unknown:
    """Fields that no table of known fields names, as (path, wire type) → occurrences."""

    fields: dict[tuple[Path, int], int] = field(default_factory=dict)

    def add(self, path: Path, wire_type: int, count: int) -> None:
        """Note `count` more occurrences."""
        key = (path, wire_type)
        self.fields[key] = self.fields.get(key, 0) + count


def split(
    buffer: Buffer,
    starts: Positions,
    ends: Positions,
    shape: Shape,
    *,
    path: Path = (),
    keep: Collection[Path] | None = None,
    repeated: Collection[Path] = (),
    unknown: Unknown,
) -> dict[int, Field]:
    """The fields of the messages in ``buffer[starts:ends]``.

    Args:
        buffer: holds the messages.
        starts: where each begins.
        ends: where each ends.
        shape: the known fields; others are counted in `unknown` and, like the known ones, returned.
        path: where these messages stand, for `keep`, `repeated`, `unknown` and error messages.
        keep: number fields to return; None means all. The others are walked and checked only.
        repeated: fields that may occur more than once in a message.
        unknown: where fields that `shape` lacks are counted.

    Raises:
        WireError: a message is not valid, a known field has another wire type, or a field that must not
            repeat does.
    """
    parts = _Parts(starts.size, shape, path, repeated)
    position, end = starts, ends
    rows: Positions | None = None
    tag = _next_tags(buffer, position, end)
    debt = 0
    while tag.size:
        # Taking the lowest tag first keeps messages aligned that leave out different fields: they are written
        # in ascending order. (Any other order decodes as well, only slower.)
        lowest = tag.min()
        if lowest == _ENDED:
            break
        hit = tag == lowest
        chosen = None if hit.all() else np.flatnonzero(hit)
        at = position if chosen is None else position[chosen]
        limit = end if chosen is None else end[chosen]
        mine = _within(rows, chosen)
        number, wire_type = int(lowest) >> 3, int(lowest) & 7
        here = (*path, number)
        _check_tag(number, wire_type, shape, path, int(at[0]))
        debt = max(0, debt + _STEP_COST + tag.size // _WAITING_PER_FIELD - at.size)
        if debt > _MOST_DEBT + starts.size:
            _rest(buffer, position, end, rows, parts, keep, unknown)
            break
        if number not in shape:
            unknown.add(here, wire_type, at.size)
        values, sizes, after = _step(
            buffer, at + (1 if lowest < 0x80 else 2), limit, wire_type, keep is None or here in keep
        )
        if (after > limit).any():
            wrong = int(np.flatnonzero(after > limit)[0])
            raise WireError(f"field {_name(here)} runs past the end of its message", int(at[wrong]))
        parts.add(number, Field(mine, values if values is not None else at[:0], sizes), at)

        alive = after < limit
        if chosen is None:
            if alive.all():
                position, tag = after, _tags(buffer, after)
                continue
            left = np.flatnonzero(alive)
            position, end = after[left], end[left]
            rows = _within(rows, left)
            tag = _tags(buffer, position)
        else:
            position = position.copy() if position is starts else position
            position[chosen] = after
            tag[chosen] = _next_tags(buffer, after, limit)
            left = np.flatnonzero(tag != _ENDED)
            if left.size < tag.size:
                position, end, tag = position[left], end[left], tag[left]
                rows = _within(rows, left)
    return parts.joined()


class _Parts:
    """What has been read of each field, step by step.

    Args:
        count: messages.
        shape: their known fields.
        path: where they stand.
        repeated: fields that may occur more than once in a message.
    """

    def __init__(self, count: int, shape: Shape, path: Path, repeated: Collection[Path]) -> None:
        self.count = count
        self.shape = shape
        self.path = path
        self.repeats = {number for number in shape if (*path, number) in repeated}
        self._found: dict[int, list[Field]] = {}
        self._times: dict[int, NDArray[np.uint8]] = {}

    def times(self, number: int) -> NDArray[np.uint8]:
        """How often each message has had the field, as far as that is counted."""
        if number not in self._times:
            times = self._times[number] = np.zeros(self.count, np.uint8)
            for part in self._found.get(number, ()):
                times[slice(None) if part.rows is None else part.rows] += 1
        return self._times[number]

    def add(self, number: int, part: Field, at: Positions) -> None:
        """Put what a step read behind what the steps before it have read; no message is in it twice."""
        parts = self._found.setdefault(number, [])
        if parts and number not in self.repeats:
            mine = slice(None) if part.rows is None else part.rows
            times = self.times(number)
            if number in self.shape and times[mine].any():
                raise WireError(f"field {_name((*self.path, number))} occurs twice in a message", int(at[0]))
            if (times[mine] >= _MOST_UNKNOWN).all():
                return
            times[mine] += times[mine] < _MOST_UNKNOWN
        parts.append(part)

    def append(self, number: int, part: Field) -> None:
        """Put what was read one by one behind what the steps have read."""
        self._found.setdefault(number, []).append(part)

    def joined(self) -> dict[int, Field]:
        """The fields."""
        return {
            number: joined(parts, self.count, repeats=number in self.repeats or number not in self.shape)
            for number, parts in self._found.items()
        }


def _rest(
    buffer: Buffer,
    position: Positions,
    end: Positions,
    rows: Positions | None,
    parts: _Parts,
    keep: Collection[Path] | None,
    unknown: Unknown,
) -> None:
    """Read what the steps have left, message by message."""
    path, shape = parts.path, parts.shape
    kept = leftover.Kept()
    for place, (at, until) in enumerate(zip(position.tolist(), end.tolist(), strict=True)):
        row = place if rows is None else int(rows[place])
        had: dict[int, int] = {}
        for one in leftover.fields(buffer, at, until, shape):
            number, repeats = one.number, one.number in parts.repeats
            _check_tag(number, one.wire_type, shape, path, one.at)
            if number not in shape:
                unknown.add((*path, number), one.wire_type, one.times)
            if not repeats:
                before = had[number] if number in had else int(parts.times(number)[row])
                if before and number in shape:
                    raise WireError(f"field {_name((*path, number))} occurs twice in a message", one.at)
                had[number] = before + one.times
            for _ in range(1 if repeats else min(one.times, _MOST_UNKNOWN - before)):
                kept.add(one, row)
    for number, wire_type, part_rows, values, sizes in kept.columns():
        wanted = wire_type != VARINT or keep is None or (*path, number) in keep
        parts.append(number, Field(part_rows, values if wanted else values[:0], sizes))


def decode(
    buffer: Buffer,
    starts: Positions,
    ends: Positions,
    shape: Shape,
    *,
    path: Path,
    keep: Collection[Path],
    repeated: Collection[Path],
    unknown: Unknown,
) -> dict[Path, Field]:
    """`split`, and the messages inside the messages too; rows always count the outermost messages.

    Messages inside a repeated field are not opened: they have rows of their own.
    """
    fields: dict[Path, Field] = {}
    top = split(buffer, starts, ends, shape, path=path, keep=keep, repeated=repeated, unknown=unknown)
    for number, column in top.items():
        here = (*path, number)
        fields[here] = column
        inner = shape.get(number)
        if isinstance(inner, Mapping) and here not in repeated:
            assert column.sizes is not None
            nested = decode(
                buffer,
                column.values,
                column.values + column.sizes,
                inner,
                path=here,
                keep=keep,
                repeated=repeated,
                unknown=unknown,
            )
            for inner_path, inner_column in nested.items():
                rows = _within(column.rows, inner_column.rows)
                fields[inner_path] = Field(rows, inner_column.values, inner_column.sizes, inner_column.depths)
    return fields


def _within(rows: Positions | None, chosen: Positions | None) -> Positions | None:
    """Those of the `rows` that are `chosen`; None stands for all, in either place."""
    if rows is None or chosen is None:
        return chosen if rows is None else rows
    return rows[chosen]


def _next_tags(buffer: Buffer, at: Positions, end: Positions) -> NDArray[np.uint16]:
    # What follows the end of a message is no tag: don't look at it.
    inside = at < end
    if inside.all():
        return _tags(buffer, at)
    tag = np.full(at.size, _ENDED, np.uint16)
    tag[inside] = _tags(buffer, at[inside])
    return tag


def _tags(buffer: Buffer, at: Positions) -> NDArray[np.uint16]:
    first = buffer.bytes[at].astype(np.uint16)
    if first.size == 0 or first.max() < 0x80:
        return first
    two = first >= 0x80
    second = buffer.bytes[at + 1]
    if (two & (second >= 0x80)).any():
        raise WireError("a field number is above 2047", int(at[two & (second >= 0x80)][0]))
    return np.where(two, (first & 0x7F) | second.astype(np.uint16) << 7, first)


def _check_tag(number: int, wire_type: int, shape: Shape, path: Path, at: int) -> None:
    if number == 0:
        raise WireError(f"message {_name(path)} has a field with the number 0", at)
    here = (*path, number)
    if wire_type not in WIRE_TYPE_NAMES:
        raise WireError(f"field {_name(here)} has the unknown wire type {wire_type}", at)
    known = shape.get(number)
    expected = known if isinstance(known, int) else BYTES
    if known not in (None, ANY) and wire_type != expected:
        raise WireError(
            f"field {_name(here)} is {WIRE_TYPE_NAMES[wire_type]} where {WIRE_TYPE_NAMES[expected]} belongs",
            at,
        )


def _step(
    buffer: Buffer, at: Positions, limit: Positions, wire_type: int, wanted: bool
) -> tuple[Numbers | None, Positions | None, Positions]:
    """Values (or positions), sizes and the position after one field."""
    if wire_type == VARINT:
        values, after = varints(buffer, at, wanted=wanted)
        return values, None, after
    if wire_type == BYTES:
        lengths, after = varints(buffer, at, wanted=True)
        assert lengths is not None
        # Compared before it is added: a length near 2**64 would wrap around.
        too_long = lengths > np.maximum(limit - after, 0).astype(np.uint64)
        if too_long.any():
            wrong = int(at[np.flatnonzero(too_long)[0]])
            raise WireError("bytes run past the end of their message", wrong)
        sizes = lengths.astype(np.int64)
        return after, sizes, after + sizes
    size = 8 if wire_type == FIXED64 else 4
    return at, np.full(at.size, size, np.int64), at + size


def joined(parts: list[Field], count: int, *, repeats: bool) -> Field:
    """One field of so many messages, out of parts that some of them have each."""
    if len(parts) == 1 and not repeats:
        return parts[0]
    every = np.arange(count)
    rows = np.concatenate([every if part.rows is None else part.rows for part in parts])
    values = np.concatenate([part.values for part in parts])
    # A number that nobody wants has rows but no values.
    has_values = values.size == rows.size
    # A stable sort by row keeps each message's own order.
    order = np.argsort(rows, kind="stable")
    sizes = None
    if parts[0].sizes is not None and all(part.sizes is not None for part in parts):
        sizes = np.concatenate([part.sizes for part in parts if part.sizes is not None])[order]
    rows = rows[order]
    depths = None
    if repeats:
        depths = np.arange(rows.size) - np.searchsorted(rows, rows)
    return Field(rows, values[order] if has_values else values, sizes, depths)


def _name(path: Path) -> str:
    return ".".join(map(str, path)) or "event"
