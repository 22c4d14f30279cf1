"""Stretches of time with so many rows each that they can be in memory together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Rows of a stretch.
_ROWS = 1 << 14
# Into how many equal parts a time is cut that holds more.
_PARTS = 1 << 10


def of(
    counts: Callable[[int, int, int], Iterable[tuple[int, int]]], since: int, until: int, rows: int
) -> Iterator[tuple[int, int]]:
    """Stretches that together hold all rows of a time, each from its first moment to before its last.

    None holds more than some ten thousand rows, unless these are all of one moment.

    Args:
        counts: for a time (its first moment, the one behind its last) and a width: which of the parts of that
            width hold rows, from 0, and how many, in their order.
        since: the first moment.
        until: the one behind the last.
        rows: how many there are.
    """
    if rows <= _ROWS or until - since <= 1:
        yield since, until
        return
    width = -(-(until - since) // _PARTS)
    first, held = since, 0
    for part, there in counts(since, until, width):
        start = since + part * width
        if held and held + there > _ROWS:
            yield first, start
            first, held = start, 0
        if there > _ROWS:
            first = min(start + width, until)
            yield from of(counts, start, first, there)
        else:
            held += there
    if held:
        yield first, until
