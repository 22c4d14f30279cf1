"""Where the entries of an NVTX payload's layout begin.

A layout may say it of each entry; 0 is what it says of those that it leaves to the reader. These follow the
entry before them, aligned as C would, and the first one begins at 0 (`nvtxPayloadSchemaEntry_t` in NVIDIA's
nvToolsExtPayload.h). Behind an entry of unknown size they cannot be found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: NVTX_PAYLOAD_ENTRY_TYPE_* → bytes of a number on 64-bit Linux, which are also its alignment; 80: the number
#: of a registered text.
SIZES: Final[Mapping[int, int]] = {
    **dict.fromkeys((1, 2, 11, 12), 1),
    **dict.fromkeys((3, 4, 13, 14), 2),
    **dict.fromkeys((5, 6, 15, 16, 19), 4),
    **dict.fromkeys((7, 8, 9, 10, 17, 18, 20, 22, 23, 80), 8),
}


class Extent(NamedTuple):
    """What an entry takes of a payload.

    Attributes:
        size: bytes of it; None where only the payload tells how many.
        alignment: its offset is a multiple of so many bytes.
    """

    size: int | None
    alignment: int


def of_number(kind: int | None) -> Extent | None:
    """What a number of a type takes; None where that is not known."""
    size = SIZES.get(kind) if kind is not None else None
    return None if size is None else Extent(size, size)


def begins(entries: Iterable[tuple[int | None, Extent | None]]) -> Iterator[int | None]:
    """Where the entries of a layout begin, in their order; None where that cannot be told.

    Args:
        entries: of each its offset as the layout says it, and what it takes, if that is known.

    >>> list(begins([(None, Extent(4, 4)), (None, Extent(8, 8)), (32, Extent(2, 2)), (0, Extent(4, 4))]))
    [0, 8, 32, 36]
    >>> list(begins([(0, Extent(None, 4)), (0, Extent(8, 8)), (16, None)]))
    [0, None, 16]
    """
    end: int | None = 0
    for offset, extent in entries:
        at = offset or None
        if at is None and end == 0:
            at = 0
        elif at is None and end is not None and extent is not None:
            at = -(-end // extent.alignment) * extent.alignment
        yield at
        end = None if at is None or extent is None or extent.size is None else at + extent.size
