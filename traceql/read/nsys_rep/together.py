"""Fields of events of known forms and of all others, put together in the order of the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from traceql.read.nsys_rep import messages
from traceql.read.nsys_rep.messages import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.read.buffer import Numbers, Positions
    from traceql.read.nsys_rep.alike import Group
    from traceql.read.nsys_rep.messages import Path

_NONE: Final = np.zeros(0, np.uint8)


def joined(
    groups: Sequence[Group], rest: Positions, rest_starts: Positions, rest_fields: Mapping[Path, Field]
) -> tuple[Positions, dict[Path, Field]]:
    """The messages of one payload, whatever their form, in the order of their events.

    Args:
        groups: the events of known forms.
        rest: which the other events are.
        rest_starts: where the payloads of these begin.
        rest_fields: the fields of these, whose rows count them alone.

    Returns:
        Where the payloads begin, and their fields.
    """
    if not groups:
        return rest_starts, dict(rest_fields)
    order = _Order([*(group.rows for group in groups), rest])
    found: dict[Path, list[_Part]] = {}
    for number, group in enumerate(groups):
        for path, values in group.values.items():
            found.setdefault(path, []).append(_Part(number, values))
        for path in group.form.others:
            found.setdefault(path, []).append(_Part(number, None))
        for place in group.form.texts:
            sizes = np.full(group.rows.size, place.size, np.int64)
            found.setdefault(place.path, []).append(_Part(number, group.starts + place.at, sizes))
    for path, field in rest_fields.items():
        found.setdefault(path, []).append(
            _Part(len(groups), field.values, field.sizes, field.rows, field.depths)
        )
    begins = [_Part(number, group.starts + group.form.begins) for number, group in enumerate(groups)]
    starts = order.joined([*begins, _Part(len(groups), rest_starts)]).values
    return starts, {path: order.joined(parts) for path, parts in found.items()}


class _Part(NamedTuple):
    """What one source has of a field.

    Attributes:
        source: its number.
        values: of each of its rows; one if it is the same in all of them, None if nobody wants them.
        sizes: see `Field`.
        rows: those of the source that have it; None when all do.
        depths: see `Field`.
    """

    source: int
    values: Numbers | int | None
    sizes: Positions | None = None
    rows: Positions | None = None
    depths: Positions | None = None


class _Order:
    """Where events of several sources stand among all of them.

    Args:
        rows: of each source, ascending: which events they are.
    """

    def __init__(self, rows: Sequence[Positions]) -> None:
        self._count = sum(one.size for one in rows)
        _, self._places = _ranked(rows)
        self._known: dict[tuple[int, ...], _Merged] = {}

    def joined(self, parts: Sequence[_Part]) -> Field:
        """One field."""
        if any(part.rows is not None for part in parts):
            rows = [self._rows(part) for part in parts]
            if len(parts) == 1:
                return Field(rows[0], _array(parts[0].values), parts[0].sizes, parts[0].depths)
            if any(part.depths is not None for part in parts):
                of_sources = zip(rows, parts, strict=True)
                fields = [Field(some, _array(part.values), part.sizes) for some, part in of_sources]
                return messages.joined(fields, self._count, repeats=True)
            merged = _merged(rows, self._count)
        else:
            sources = tuple(part.source for part in parts)
            if sources not in self._known:
                self._known[sources] = _merged([self._places[source] for source in sources], self._count)
            merged = self._known[sources]
        sizes = [part.sizes for part in parts if part.sizes is not None]
        return Field(
            merged.rows,
            merged.of([part.values for part in parts]),
            np.concatenate(sizes)[merged.taken] if len(sizes) == len(parts) else None,
        )

    def _rows(self, part: _Part) -> Positions:
        places = self._places[part.source]
        return places if part.rows is None else places[part.rows]


def _array(values: Numbers | int | None) -> Numbers:
    """Values of the rest of the events, and places of bytes, which always are arrays."""
    assert isinstance(values, np.ndarray)
    return values


class _Merged(NamedTuple):
    """Rows of several sources among all.

    Attributes:
        rows: which of all they are, ascending; None for all.
        sizes: how many each source has.
        taken: where each of them stands if those of one source are put behind those of another.
        sources: which source has each.
    """

    rows: Positions | None
    sizes: Sequence[int]
    taken: Positions
    sources: Positions

    def of(self, values: Sequence[Numbers | int | None]) -> Numbers:
        """The values of all, out of those of the sources."""
        if any(one is None for one in values):
            return _NONE
        single = [one for one in values if isinstance(one, int)]
        if len(single) == len(values):
            kind = _kind(max(single))
            if min(single) == max(single):
                return np.full(self.taken.size, single[0], kind)
            return np.array(single, kind)[self.sources]
        behind = np.concatenate(
            [
                np.full(size, one, _kind(one)) if isinstance(one, int) else _array(one)
                for one, size in zip(values, self.sizes, strict=True)
            ]
        )
        # A number that nobody wants has no values.
        return behind[self.taken] if behind.size == self.taken.size else _NONE


def _kind(value: int) -> type[np.unsignedinteger[Any]]:
    """Numbers are in 8 bits where that suffices for all, as `varints` has it."""
    return np.uint8 if value < 0x80 else np.uint64


def _merged(rows: Sequence[Positions], count: int) -> _Merged:
    """Rows of several sources, which are some of so many."""
    sizes = [one.size for one in rows]
    which = None
    if sum(sizes) < count:
        which, rows = _ranked(rows)
    taken = np.empty(sum(sizes), np.int64)
    taken[np.concatenate(rows)] = np.arange(taken.size)
    sources = np.empty(taken.size, np.int64)
    for source, one in enumerate(rows):
        sources[one] = source
    return _Merged(which, sizes, taken, sources)


def _ranked(rows: Sequence[Positions]) -> tuple[Positions, list[Positions]]:
    """All of these rows, ascending, and where those of each stand among them; none is there twice."""
    there = np.zeros(max(int(one[-1]) for one in rows if one.size) + 1, np.bool_)
    for one in rows:
        there[one] = True
    rank = np.cumsum(there) - 1
    return np.flatnonzero(there), [rank[one] for one in rows]
