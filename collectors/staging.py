"""Staged KV writes in plain Python: what the kernels of `staging_kernels` do, for a GPU to be compared with.

The KV cache is a list of rows, a block of it so many rows, and a request's block table says in which blocks
its rows are. A step computes rows of each request, one for its last token and one for each draft. Staged,
these rows go to *pages*, blocks that belong to nobody's table for good; for the time of the step they stand
in the table in place of the request's last blocks, so that attention finds what it would find unstaged, at
other addresses, and computes the same bits. Then the rows that were accepted are copied to where they belong,
once, and the table is again what it was.

A block's page also needs the block's rows from before. After a step that was staged they are there already,
for pages of one request take turns; else they are copied (`mirrored`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def spans(block: int, rows: int) -> int:
    """How many blocks the rows of a step can lie in, at most, which is how many pages a request needs.

    >>> spans(block=16, rows=1), spans(block=16, rows=5), spans(block=16, rows=17), spans(block=16, rows=18)
    (1, 2, 2, 3)
    """
    return (rows + block - 2) // block + 1


@dataclass
class Opened:
    """A request while a step is staged.

    Attributes:
        table: its blocks, with pages in place of the last ones.
        saved: the blocks that the pages stand for.
        slots: where the step's rows are written.
        targets: where they belong.
    """

    table: list[int]
    saved: list[int]
    slots: list[int]
    targets: list[int]


def opened(context: int, rows: int, table: Sequence[int], pages: Sequence[int], block: int) -> Opened:
    """Put the pages in place.

    Args:
        context: rows that the request has from before.
        rows: of the step.
        table: the request's blocks.
        pages: the request's pages, as many as `spans` says.
        block: rows of a block.

    >>> opened(context=31, rows=2, table=[7, 8, 9], pages=[50, 51], block=16)
    Opened(table=[7, 51, 50], saved=[8, 9], slots=[831, 800], targets=[143, 144])
    """
    staged = list(table)
    first = context // block
    saved = []
    for number in range(first, min(first + len(pages), len(table))):
        saved.append(staged[number])
        staged[number] = pages[number % len(pages)]
    positions = range(context, context + rows)
    return Opened(
        table=staged,
        saved=saved,
        slots=[pages[p // block % len(pages)] * block + p % block for p in positions],
        targets=[table[p // block] * block + p % block for p in positions],
    )


def mirrored(context: int, saved: Sequence[int], pages: Sequence[int], block: int) -> list[tuple[int, int]]:
    """The rows that a page needs from before, as pairs of slots: from, to.

    >>> mirrored(context=18, saved=[8, 9], pages=[50, 51], block=16)
    [(128, 816), (129, 817)]
    """
    page = pages[context // block % len(pages)]
    return [(saved[0] * block + row, page * block + row) for row in range(context % block)]


def committed(sampled: Sequence[int], slots: Sequence[int], targets: Sequence[int]) -> list[tuple[int, int]]:
    """The rows that were accepted, as pairs of slots: from, to.

    Args:
        sampled: the tokens that the step gave the request, -1 where there is none: one more than drafts were
            accepted. The row of the last token before the step is always one of those.
        slots: see `Opened`.
        targets: see `Opened`.

    >>> committed([5, 6, -1], [800, 801, 802], [143, 144, 145])
    [(800, 143), (801, 144)]
    """
    kept = sum(token != -1 for token in sampled)
    return list(zip(slots, targets, strict=True))[:kept]


def verified(drafts: Sequence[int], target: Sequence[int], bonus: int, accepted: Sequence[bool]) -> list[int]:
    """The tokens of a request's step: its drafts up to the first that is rejected, then one of the target's.

    >>> verified([5, 6, 7], [5, 9, 7], bonus=3, accepted=[True, False, True])
    [5, 9, -1, -1]
    >>> verified([5, 6], [5, 6], bonus=3, accepted=[True, True])
    [5, 6, 3]
    """
    kept = next((n for n, one in enumerate(accepted) if not one), len(drafts))
    last = bonus if kept == len(drafts) else target[kept]
    return [*drafts[:kept], last, *[-1] * (len(drafts) - kept)]
