"""Decompressed bytes that are read at thousands of positions at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

Positions: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[Any]

#: Most bytes that can be taken at once.
MOST_CELLS_BYTES: Final = 256
# To read so many at the last byte of a message must stay inside the buffer. Zeros end any number.
PADDING: Final = MOST_CELLS_BYTES

_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_LOW_BITS: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
# Gathers 7-bit groups pairwise: 8 → 4 groups of 14 bits → 2 of 28 → 1 of 56.
_GATHER: Final = (
    (np.uint64(0x007F007F007F007F), np.uint64(0x7F007F007F007F00), np.uint64(1)),
    (np.uint64(0x00003FFF00003FFF), np.uint64(0x3FFF00003FFF0000), np.uint64(2)),
    (np.uint64(0x000000000FFFFFFF), np.uint64(0x0FFFFFFF00000000), np.uint64(4)),
)
_ONE: Final = np.uint64(1)


class Buffer:
    """Decompressed bytes that can be read at many positions at once.

    Attributes:
        size: how many bytes the content has, without the padding.
        bytes: the content and `PADDING` zeros.
        words: the 8 bytes that begin at each position, little-endian.
        view: the content and the padding, to be cut.
    """

    def __init__(self, parts: Sequence[bytes | memoryview]) -> None:
        content = b"".join((*parts, bytes(PADDING)))
        self.size = len(content) - PADDING
        self.view = memoryview(content)
        self.bytes: NDArray[np.uint8] = np.frombuffer(content, np.uint8)
        # numpy copes with reading at odd addresses, and it is twice as fast as putting the bytes together.
        self.words: NDArray[np.uint64] = np.ndarray((self.size + PADDING - 7,), "<u8", content, 0, (1,))
        self._content = content

    def cells(self, size: int) -> NDArray[np.void]:
        """The `size` bytes that begin at each position, as they are."""
        return np.ndarray((self.size + PADDING - size + 1,), f"V{size}", self._content, 0, (1,))


def join_groups(values: NDArray[np.uint64], sizes: Sequence[int] = ()) -> None:
    """Make numbers, in place, of varints of at most 8 bytes, behind which are zeros.

    Args:
        values: the bytes.
        sizes: how many bytes those in each row have, falling; by default they have 8.
    """
    values &= _LOW_BITS
    for step, (low, high, shift) in enumerate(_GATHER):
        long = values[: sum(size > 1 << step for size in sizes)] if sizes else values
        upper = long & high
        upper >>= shift
        long &= low
        long |= upper


def varints(buffer: Buffer, at: Positions, *, wanted: bool) -> tuple[Numbers | None, Positions]:
    """The varints that begin at `at`, and the positions after them.

    Returns:
        Unsigned integers, in 8 bits when that suffices for all of them; None unless `wanted`.

    Raises:
        WireError: a number does not fit 64 bits.
    """
    first = buffer.bytes[at]
    if first.size == 0 or first.max() < 0x80:
        return (first if wanted else None), at + 1
    word = buffer.words[at]
    stop = ~word
    stop &= _HIGH_BITS
    # Every bit up to and including the first byte without continuation bit; all 64 when there is none.
    inside = np.negative(stop)
    inside &= stop
    inside |= inside - _ONE
    after = at + (np.bitwise_count(inside) >> 3)
    values: NDArray[np.uint64] | None = None
    if wanted:
        values = word
        values &= inside
        join_groups(values)
    if not stop.all():
        long = np.flatnonzero(stop == 0)
        ninth, tenth = buffer.bytes[at[long] + 8], buffer.bytes[at[long] + 9]
        has_tenth = ninth >= 0x80
        if (tenth[has_tenth] > 1).any():
            raise WireError("a number does not fit 64 bits", int(at[long[has_tenth]][0]))
        after[long] += 1 + has_tenth
        if values is not None:
            values[long] |= (ninth & 0x7F).astype(np.uint64) << np.uint64(56)
            values[long] |= np.where(has_tenth, tenth, 0).astype(np.uint64) << np.uint64(63)
    return values, after
