"""The Triton kernels of staged KV writes and of the verification of drafts; only workers import it.

`staging` says in plain Python what they do.
"""

from typing import Any

# Triton finds what a kernel calls among the globals of its module.
import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def _open(  # type: ignore[no-untyped-def]
    contexts,
    starts,
    table,
    columns,
    pages,
    saved,
    slots,
    targets,
    block: tl.constexpr,
    spans: tl.constexpr,
    width: tl.constexpr,
):
    """One program per request: its last blocks become its pages, in the block table and in the slots."""
    request = tl.program_id(0)
    context = tl.load(contexts + request).to(tl.int64)
    start = tl.load(starts + request)
    rows = tl.load(starts + request + 1) - start
    first = context // block
    for span in range(spans):
        here = table + request.to(tl.int64) * columns + first + span
        inside = first + span < columns
        page = tl.load(pages + request * spans + (first + span) % spans)
        tl.store(saved + request * spans + span, tl.load(here, mask=inside, other=0))
        tl.store(here, page, mask=inside)
    place = tl.arange(0, width)
    held = place < rows
    position = context + place
    tl.store(targets + start + place, tl.load(slots + start + place, mask=held, other=0), mask=held)
    page = tl.load(pages + request * spans + (position // block) % spans, mask=held, other=0)
    tl.store(slots + start + place, page.to(tl.int64) * block + position % block, mask=held)


@triton.jit  # type: ignore[untyped-decorator]
def _close(  # type: ignore[no-untyped-def]
    contexts,
    starts,
    table,
    columns,
    saved,
    slots,
    targets,
    block: tl.constexpr,
    spans: tl.constexpr,
    width: tl.constexpr,
):
    """One program per request: block table and slots are again what they were."""
    request = tl.program_id(0)
    start = tl.load(starts + request)
    rows = tl.load(starts + request + 1) - start
    first = tl.load(contexts + request).to(tl.int64) // block
    for span in range(spans):
        inside = first + span < columns
        real = tl.load(saved + request * spans + span)
        tl.store(table + request.to(tl.int64) * columns + first + span, real, mask=inside)
    place = tl.arange(0, width)
    held = place < rows
    tl.store(slots + start + place, tl.load(targets + start + place, mask=held, other=0), mask=held)


@triton.jit  # type: ignore[untyped-decorator]
def _copy_row(  # type: ignore[no-untyped-def]
    cache,
    source,
    target,
    block: tl.constexpr,
    of_block: tl.constexpr,
    of_row: tl.constexpr,
    of_head: tl.constexpr,
    heads: tl.constexpr,
    length: tl.constexpr,
):
    """Keys and values of all heads, from one slot to another."""
    part = tl.arange(0, heads)[:, None] * of_head + tl.arange(0, length)[None, :]
    begin = (source // block) * of_block + (source % block) * of_row
    end = (target // block) * of_block + (target % block) * of_row
    tl.store(cache + end + part, tl.load(cache + begin + part))


@triton.jit  # type: ignore[untyped-decorator]
def _mirror(  # type: ignore[no-untyped-def]
    contexts,
    pages,
    saved,
    caches,
    kind,
    block: tl.constexpr,
    spans: tl.constexpr,
    of_block: tl.constexpr,
    of_row: tl.constexpr,
    of_head: tl.constexpr,
    heads: tl.constexpr,
    length: tl.constexpr,
):
    """One program per request and layer: the rows before the step, of its last block, into its page."""
    request = tl.program_id(0)
    context = tl.load(contexts + request).to(tl.int64)
    page = tl.load(pages + request * spans + (context // block) % spans).to(tl.int64)
    real = tl.load(saved + request * spans).to(tl.int64)
    cache = tl.load(caches + tl.program_id(1)).to(tl.pointer_type(kind.dtype.element_ty))
    for row in range(context % block):
        _copy_row(
            cache,
            real * block + row,
            page * block + row,
            block,
            of_block,
            of_row,
            of_head,
            heads,
            length,
        )


@triton.jit  # type: ignore[untyped-decorator]
def _commit(  # type: ignore[no-untyped-def]
    starts,
    sampled,
    columns,
    slots,
    targets,
    counted,
    caches,
    kind,
    block: tl.constexpr,
    width: tl.constexpr,
    of_block: tl.constexpr,
    of_row: tl.constexpr,
    of_head: tl.constexpr,
    heads: tl.constexpr,
    length: tl.constexpr,
):
    """One program per request, row of the step and layer: a row that was accepted goes where it belongs."""
    request = tl.program_id(0)
    row = tl.program_id(1)
    start = tl.load(starts + request)
    rows = tl.load(starts + request + 1) - start
    place = tl.arange(0, width)
    tokens = tl.load(sampled + request * columns + place, mask=place < columns, other=-1)
    kept = tl.minimum(tl.sum((tokens != -1).to(tl.int32), axis=0), rows)
    if row < kept:
        if tl.program_id(2) == 0:
            tl.atomic_add(counted + (row > 0).to(tl.int32), 1)
        cache = tl.load(caches + tl.program_id(2)).to(tl.pointer_type(kind.dtype.element_ty))
        _copy_row(
            cache,
            tl.load(slots + start + row),
            tl.load(targets + start + row),
            block,
            of_block,
            of_row,
            of_head,
            heads,
            length,
        )


@triton.jit  # type: ignore[untyped-decorator]
def _verify(  # type: ignore[no-untyped-def]
    output,
    ends,
    draft,
    target,
    bonus,
    uniform,
    rates,
    counts,
    columns: tl.constexpr,
    width: tl.constexpr,
    synthetic: tl.constexpr,
    has_counts: tl.constexpr,
):
    """One program per request: the drafts up to the first that is rejected, then one token of the target."""
    request = tl.program_id(0)
    start = tl.load(ends + request - 1, mask=request > 0, other=0)
    drafts = tl.load(ends + request) - start
    place = tl.arange(0, width)
    inside = place < drafts
    drafted = tl.load(draft + start + place, mask=inside, other=0)
    wanted = tl.load(target + start + place, mask=inside, other=0).to(tl.int32)
    if synthetic:
        chance = tl.load(uniform + start + place, mask=inside, other=1.0)
        accepted = (chance < tl.load(rates + place, mask=inside, other=0.0)) & (drafted >= 0)
        token = tl.where(accepted, drafted, wanted)
    else:
        accepted = drafted == wanted
        token = wanted
    if has_counts:
        first = tl.load(counts + request)
    else:
        first = tl.min(tl.where(accepted & inside, width, place), axis=0)
    last = tl.where(first < drafts, wanted, tl.load(bonus + request).to(tl.int32))
    found = tl.where(place < first, token, tl.where(place == first, last, -1))
    tl.store(output + request * columns + place, found, mask=place < columns)


def wide(least: int) -> int:
    """The smallest power of two that is no smaller."""
    return int(triton.next_power_of_2(least))


def launch(name: str, grid: tuple[int, ...], *arguments: Any) -> None:
    """Start a kernel of this module."""
    globals()[name][grid](*arguments)
