"""Where the events of event blocks begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from traceql.read.protobuf import WireError, varint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions

# The tags of what event blocks hold.
_EVENT: Final = 0x0A
_GENERIC_EVENT: Final = 0x12
# The tag with which events begin.
_FIRST_INSIDE: Final = 0x08

# Bytes that are looked at at a time: with all that is made of them they stay in the processor's cache.
_PIECE_BYTES: Final = 1 << 17


def events(buffer: Buffer) -> tuple[Positions, Positions, NDArray[np.bool_]]:
    """Where each event of event-block messages begins and ends, and whether it is a generic event.

    A block message is nothing but field 1 (events) and field 2 (generic events), repeated in any order;
    blocks may simply follow each other in the buffer.

    Raises:
        WireError: the buffer holds anything else.
    """
    data, size = buffer.bytes, buffer.size
    # Where one event begins depends on where the one before it ended. So guess all of them first: the tag of
    # field 1 or 2, a length of one or two bytes, the tag of the event's own field 1, and another event (or
    # the end) behind it.
    tags = _likely_tags(data, size)
    second, third = data[tags + 1], data[tags + 2]
    long = second >= 0x80
    sizes = second.astype(np.int64)
    if long.any():
        sizes &= 0x7F
        sizes += np.where(long, third, 0).astype(np.int64) << 7
    starts = tags + 2 + long
    ends = starts + sizes
    is_chain = tags.size and tags[0] == 0 and ends[-1] == size and (ends[:-1] == tags[1:]).all()
    # Each begins where the one before it ends: all are right if no length goes on.
    if is_chain and not (long & (third >= 0x80)).any():
        return starts, ends, data[tags] == _GENERIC_EVENT
    fit = np.where(long, (third < 0x80) & (data[tags + 3] == _FIRST_INSIDE), third == _FIRST_INSIDE)
    # Behind the last one are zeros.
    following = data[np.minimum(ends, size)]
    fit &= (ends == size) | (following == _EVENT) | (following == _GENERIC_EVENT)
    likely = np.flatnonzero(fit)
    tags, starts, ends = tags[likely], starts[likely], ends[likely]
    broken = np.flatnonzero(ends[:-1] != tags[1:])
    if tags.size and tags[0] == 0 and broken.size == 0 and ends[-1] == size:
        return starts, ends, data[tags] == _GENERIC_EVENT
    # Some guesses were wrong, or an event looks different: follow the chain, a run of good guesses at a time.
    last_of_run = np.append(broken, tags.size - 1)
    found: list[tuple[Positions, Positions, Positions]] = []
    at = 0
    while at < size:
        guess = int(np.searchsorted(tags, at))
        if guess < tags.size and tags[guess] == at:
            stop = int(last_of_run[np.searchsorted(last_of_run, guess)]) + 1
            found.append((starts[guess:stop], ends[guess:stop], tags[guess:stop]))
            at = int(ends[stop - 1])
        else:
            if data[at] not in (_EVENT, _GENERIC_EVENT):
                raise WireError("something that is no event stands between events", at)
            length, start = varint(buffer.view, at + 1, size)
            if length > size - start:
                raise WireError("an event runs past the end of its block", at)
            one = np.array([[start], [start + length], [at]], np.int64)
            found.append((one[0], one[1], one[2]))
            at = start + length
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_)
    all_starts, all_ends, all_tags = (np.concatenate(part) for part in zip(*found, strict=True))
    return all_starts, all_ends, data[all_tags] == _GENERIC_EVENT


def _likely_tags(data: NDArray[np.uint8], size: int) -> Positions:
    """Where the tag of an event may stand: two or three bytes before that of the event's own first field."""
    found = []
    for begin in range(0, size, _PIECE_BYTES):
        count = min(_PIECE_BYTES, size - begin)
        piece = data[begin : begin + count + 3]
        tags = piece[:count] == _EVENT
        tags |= piece[:count] == _GENERIC_EVENT
        inside = piece == _FIRST_INSIDE
        tags &= inside[2 : count + 2] | inside[3 : count + 3]
        found.append(np.flatnonzero(tags) + begin)
    return np.concatenate(found) if found else np.zeros(0, np.int64)
