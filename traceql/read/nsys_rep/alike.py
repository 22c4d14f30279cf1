"""Events that are made alike, thousands at a time.

Most events of a report are made as few of them are: the same fields in the same order, with numbers that take
as many bytes. So one is walked, field by field, which gives a form: where tags and lengths stand, and where
the bytes of each number begin and end. Which others have that form is seen by comparing bytes, all of an
event's at once, and their numbers stand in columns. What has another form is left to `messages`, as is
whatever is odd: nothing is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from traceql.read.buffer import MOST_CELLS_BYTES, join_groups
from traceql.read.nsys_rep import layout
from traceql.read.protobuf import ANY, BYTES, FIXED32, FIXED64, VARINT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Numbers, Positions
    from traceql.read.nsys_rep.messages import Path, Shape

# Fewer events are decoded as fast without.
_LEAST_EVENTS: Final = 2_000
# Events whose bytes are compared in one row: numpy takes as long for each row as for dozens of numbers.
_EVENTS_PER_ROW: Final = 32
# A form that so few events have is not worth its walk; after so many of these a batch looks for no more.
_FEW: Final = 8
_MOST_WALKED_FOR_FEW: Final = 24
# Forms of one size that are remembered.
_MOST_FORMS: Final = 32
# Bytes of words, which are compared at once, and of those whose comparisons are looked at at once.
_WORD: Final = 8
_CELL: Final = 64

_EVENT_TYPE: Final[Path] = (1,)
_SHAPE: Final[Shape] = {
    1: VARINT,
    # Of these the messages are kept as they are.
    **{number: shape for number, shape in layout.SHAPES.items() if number != layout.PROCESS},
}
_FIXED_BYTES: Final = {FIXED64: 8, FIXED32: 4}
_LONGEST_NUMBER: Final = 10
_NOTHING: Final = np.uint64(0)
_SAME: Final = np.uint64(0x0101010101010101)
# Of events, compared at a time: they stay in the processor's cache until that is done.
_COMPARED_BYTES: Final = 1 << 17
_GROUP: Final = np.uint64(0x7F)


class _Place(NamedTuple):
    """Where a field stands in an event: its first byte, behind tag and length, and how many there are."""

    path: Path
    at: int
    size: int


class _Numbers:
    """Numbers in events of one form, all of which are read at once.

    Args:
        places: where they stand.
    """

    def __init__(self, places: Sequence[_Place]) -> None:
        # The longest come first: these need more steps to be put together.
        self._places = sorted(places, key=lambda place: -place.size)

    def read(self, events: NDArray[np.void]) -> dict[Path, Numbers | int]:
        """The numbers of these events; a single one where all have the same."""
        first = events[0].tobytes()
        words = events.view(np.uint64).reshape(events.size, -1)
        differing = _differing(words)
        found: dict[Path, Numbers | int] = {}
        varying = []
        for place in self._places:
            if differing.count(0, place.at, place.at + place.size) == place.size:
                found[place.path], _ = _varint(first, place.at)
            else:
                varying.append(place)
        if varying:
            single = events.view(np.uint8).reshape(events.size, -1)
            found |= zip((place.path for place in varying), _columns(words, single, varying), strict=True)
        return found


def _differing(words: NDArray[np.uint64]) -> bytes:
    """The bits that are not the same in all rows; there is at least one."""
    count, width = words.shape
    # Many rows as one: see `_EVENTS_PER_ROW`.
    filled = count // _EVENTS_PER_ROW
    parts = [words[filled * _EVENTS_PER_ROW :]]
    if filled:
        wide = words[: filled * _EVENTS_PER_ROW].reshape(filled, -1)
        parts += [
            np.bitwise_and.reduce(wide).reshape(-1, width),
            np.bitwise_or.reduce(wide).reshape(-1, width),
        ]
    last = np.concatenate(parts)
    differing: NDArray[np.uint64] = np.bitwise_and.reduce(last) ^ np.bitwise_or.reduce(last)
    return differing.tobytes()


def _columns(
    words: NDArray[np.uint64], single: NDArray[np.uint8], places: Sequence[_Place]
) -> Iterator[Numbers]:
    """The numbers at these places, of which the longest is first; those of one byte in 8 bits."""
    longer = [place for place in places if place.size > 1]
    values = np.empty((len(longer), len(words)), np.uint64)
    for place, numbers in zip(longer, values, strict=True):
        word, skipped = divmod(place.at, _WORD)
        np.right_shift(words[:, word], np.uint64(8 * skipped), out=numbers)
        if skipped and skipped + place.size > _WORD:
            numbers |= words[:, word + 1] << np.uint64(8 * (_WORD - skipped))
    sizes = [min(place.size, _WORD) for place in longer]
    values &= np.array([(1 << 8 * size) - 1 for size in sizes], np.uint64)[:, np.newaxis]
    join_groups(values, sizes)
    for place, numbers in zip(longer, values, strict=True):
        for more in range(_WORD, place.size):
            numbers |= (single[:, place.at + more].astype(np.uint64) & _GROUP) << np.uint64(7 * more)
        yield numbers
    for place in places[len(longer) :]:
        yield single[:, place.at].copy()


@dataclass
class _Form:
    """How an event is made.

    Attributes:
        payload: the number of its payload.
        begins: where that begins in the event.
        numbers: the wanted ones.
        texts: what is neither a number nor a message.
        others: messages, and numbers that nobody wants.
        mask: bits that all events of this form have alike, as often as there are events in a row.
        bits: what these are.
        hits: how many events had it last.
    """

    payload: int
    begins: int
    numbers: _Numbers
    texts: tuple[_Place, ...]
    others: tuple[Path, ...]
    mask: NDArray[np.uint64]
    bits: NDArray[np.uint64]
    hits: int = 0

    def fits(self, events: NDArray[np.void]) -> NDArray[np.bool_]:
        """Which events have this form; there are as many as fill rows."""
        rows = events.view(np.uint64).reshape(-1, self.mask.size)
        most = max(1, _COMPARED_BYTES // rows[0].nbytes)
        differs = np.empty((min(most, len(rows)), self.mask.size), np.uint64)
        same = np.empty(rows.shape, np.bool_)
        for begin in range(0, len(rows), most):
            some = rows[begin : begin + most]
            differ = np.bitwise_xor(some, self.bits, out=differs[: len(some)])
            differ &= self.mask
            np.equal(differ, _NOTHING, out=same[begin : begin + most])
        cells = (same.reshape(-1).view(np.uint64) == _SAME).reshape(-1, events.itemsize // _CELL)
        fit: NDArray[np.bool_] = cells[:, 0]
        for more in range(1, cells.shape[1]):
            fit = fit & cells[:, more]
        return fit


class Group(NamedTuple):
    """Events of one form: which, where they begin, and their numbers."""

    form: _Form
    rows: Positions
    starts: Positions
    values: Mapping[Path, Numbers | int]


class Alike(NamedTuple):
    """The events of a batch that have known forms, by payload, and the others."""

    groups: Mapping[int, Sequence[Group]]
    rest: Positions


def nothing(starts: Positions) -> Alike:
    """That no event has a known form."""
    return Alike({}, np.arange(starts.size))


class Forms:
    """The forms of a report's events, as they are found.

    Args:
        keep: numbers that are wanted.
    """

    def __init__(self, keep: Collection[Path]) -> None:
        self._keep = keep
        self._known: dict[int, list[_Form]] = {}

    def take(self, buffer: Buffer, starts: Positions, ends: Positions) -> Alike:
        """Find events that are made alike.

        Args:
            buffer: holds the events.
            starts: where each begins.
            ends: where each ends.
        """
        groups: dict[int, list[Group]] = {}
        left = np.ones(starts.size, np.bool_)
        if starts.size >= _LEAST_EVENTS:
            sizes = ends - starts
            short = np.where(sizes <= MOST_CELLS_BYTES, sizes, 0).astype(np.uint16)
            counts = np.bincount(short)
            patience = _MOST_WALKED_FOR_FEW
            # What most events have comes first: of the others some may not be looked at.
            for size in np.argsort(-counts).tolist():
                if not size or not counts[size]:
                    continue
                rows = np.flatnonzero(short == size)
                for group in self._of_size(buffer, starts, rows, size, patience):
                    groups.setdefault(group.form.payload, []).append(group)
                    left[group.rows] = False
                    patience -= group.rows.size < _FEW
        return Alike(groups, np.flatnonzero(left))

    def _of_size(
        self, buffer: Buffer, starts: Positions, rows: Positions, size: int, patience: int
    ) -> Iterator[Group]:
        begins = starts[rows]
        events = buffer.cells(-(-size // _CELL) * _CELL)[_filled(begins)]
        known = self._known.get(size, ())
        found: list[_Form] = []
        for form in (*known, *(None,) * _MOST_FORMS):
            if form is None:
                form = (
                    _walked(bytes(buffer.view[begins[0] : begins[0] + size]), self._keep)
                    if patience > 0
                    else None
                )
                if form is None:
                    break
            fit = form.fits(events)[: rows.size]
            hits = int(np.count_nonzero(fit))
            if not hits:
                continue
            form.hits = hits
            found.append(form)
            if hits == rows.size:
                yield _group(form, rows, begins, events[:hits])
                rows = rows[:0]
                break
            mine, others = np.flatnonzero(fit), np.flatnonzero(~fit)
            yield _group(form, rows[mine], begins[mine], events[mine])
            patience -= hits < _FEW
            rows, begins, events = rows[others], begins[others], events[_filled(others)]
        if found:
            kept = [*found, *(form for form in known if form not in found)]
            self._known[size] = sorted(kept, key=lambda form: -form.hits)[:_MOST_FORMS]


def _filled(rows: Positions) -> Positions:
    """As many as fill rows."""
    return np.concatenate([rows, np.full(-rows.size % _EVENTS_PER_ROW, rows[0])])


def _group(form: _Form, rows: Positions, starts: Positions, events: NDArray[np.void]) -> Group:
    return Group(form, rows, starts, form.numbers.read(events))


def _walked(event: bytes, keep: Collection[Path]) -> _Form | None:
    """The form of an event; None if there is anything odd about it."""
    walk = _Walk(event)
    try:
        if not walk.through(0, len(event), _SHAPE, ()):
            return None
    except IndexError:
        return None
    payloads = [place for place in walk.messages if len(place.path) == 1]
    if len(payloads) != 1 or _EVENT_TYPE not in walk.numbers:
        return None
    (payload,) = payloads
    if layout.EVENT_TYPES.get(walk.exactly(walk.numbers.pop(_EVENT_TYPE))) != payload.path[0]:
        return None
    filled = -(-len(event) // _CELL) * _CELL
    mask, bits = (
        np.tile(np.frombuffer(one.ljust(filled, b"\0"), np.uint64), _EVENTS_PER_ROW)
        for one in (bytes(walk.mask), bytes(a & b for a, b in zip(walk.mask, event, strict=True)))
    )
    return _Form(
        payload=payload.path[0],
        begins=payload.at,
        numbers=_Numbers([place for path, place in walk.numbers.items() if path in keep]),
        texts=tuple(walk.texts),
        others=(
            *(path for path in walk.numbers if path not in keep),
            *(place.path for place in walk.messages if place is not payload),
        ),
        mask=mask,
        bits=bits,
    )


class _Walk:
    """One event, field by field.

    Args:
        event: its bytes.

    Attributes:
        numbers: where they stand.
        messages: likewise; the outer ones are behind the inner ones.
        texts: likewise what is neither.
        mask: bits that make the form.
    """

    def __init__(self, event: bytes) -> None:
        self._event = event
        self.numbers: dict[Path, _Place] = {}
        self.messages: list[_Place] = []
        self.texts: list[_Place] = []
        self._seen: set[Path] = set()
        self.mask = bytearray(len(event))

    def through(self, at: int, end: int, shape: Shape, path: Path) -> bool:
        """Walk through a message; False if anything is odd."""
        while at < end:
            tag, at = self._exact(at)
            number, wire_type = tag >> 3, tag & 7
            here = (*path, number)
            known = shape.get(number)
            expected = known if isinstance(known, int) else BYTES
            if (
                known is None
                or expected not in (ANY, wire_type)
                or here in self._seen
                or (here in layout.REPEATED and not isinstance(known, int))
            ):
                return False
            self._seen.add(here)
            if wire_type == VARINT:
                begin = at
                while self._event[at] >= 0x80:
                    at += 1
                at += 1
                if at > end or at - begin > _LONGEST_NUMBER:
                    return False
                self.mask[begin:at] = bytes([0x80]) * (at - begin)
                if at - begin == _LONGEST_NUMBER:
                    if self._event[at - 1] > 1:
                        return False
                    self.mask[at - 1] = 0xFF
                self.numbers[here] = _Place(here, begin, at - begin)
                continue
            if wire_type == BYTES:
                size, at = self._exact(at)
            elif wire_type in _FIXED_BYTES:
                size = _FIXED_BYTES[wire_type]
            else:
                return False
            if size > end - at:
                return False
            place = _Place(here, at, size)
            if isinstance(known, int):
                self.texts.append(place)
            elif self.through(at, at + size, known, here):
                self.messages.append(place)
            else:
                return False
            at += size
        return at == end

    def exactly(self, place: _Place) -> int:
        """The value of a number, which then is the same in all events of the form."""
        self.mask[place.at : place.at + place.size] = b"\xff" * place.size
        return _varint(self._event, place.at)[0]

    def _exact(self, at: int) -> tuple[int, int]:
        value, after = _varint(self._event, at)
        self.mask[at:after] = b"\xff" * (after - at)
        return value, after


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := data[at]) >= 0x80:
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    return value | byte << shift, at + 1
