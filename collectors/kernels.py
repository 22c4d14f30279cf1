"""The Triton kernels of the workers; needs torch and triton, so only workers import it."""

from collections.abc import Callable
from typing import Any

# Triton finds what a kernel calls among the globals of its module.
import torch
import triton
import triton.language as tl

_READ_BLOCK = 2048
_READ_PROGRAMS_PER_SM = 8


@triton.jit  # type: ignore[untyped-decorator]
def _scv_compute_mask_inplace(draft, target, mask, n: tl.constexpr, width: tl.constexpr):  # type: ignore[no-untyped-def]
    """One program per request: a draft is accepted when it and all before it equal the target's tokens."""
    request = tl.program_id(0)
    place = tl.arange(0, width)
    inside = place < n
    offset = request * n + place
    equal = tl.load(draft + offset, mask=inside, other=0) == tl.load(target + offset, mask=inside, other=1)
    # The first that differs; those before it are accepted.
    first = tl.min(tl.where(equal, width, place), axis=0)
    tl.store(mask + offset, place < first, mask=inside)


def compute_mask(draft: Any, target: Any, mask: Any) -> None:
    """Write the acceptance mask of drafts, shape (requests, drafts), into `mask`."""
    requests, drafts = draft.shape
    _scv_compute_mask_inplace[(requests,)](draft, target, mask, drafts, triton.next_power_of_2(drafts + 1))


@triton.jit  # type: ignore[untyped-decorator]
def _read(source, sink, blocks, times, size: tl.constexpr):  # type: ignore[no-untyped-def]
    """All programs together read all blocks, so many times; each time another program has a block."""
    place = tl.arange(0, size)
    total = tl.zeros((size,), tl.float32)
    for time in range(times):
        for block in range(tl.program_id(0), blocks, tl.num_programs(0)):
            # .cg: past the L1, which would answer where a block stays with its SM.
            shifted = (block + time * 37) % blocks
            total += tl.load(source + shifted * size + place, cache_modifier=".cg")
    tl.store(sink + tl.program_id(0) * size + place, total)


def reader(size_bytes: int, times: int) -> tuple[Callable[[], Any], float]:
    """A function that reads a buffer of that size so many times over, and the bytes that one call reads."""
    blocks = size_bytes // (4 * _READ_BLOCK)
    source = torch.ones(blocks * _READ_BLOCK, device="cuda", dtype=torch.float32)
    programs = _READ_PROGRAMS_PER_SM * torch.cuda.get_device_properties(0).multi_processor_count
    sink = torch.empty(programs * _READ_BLOCK, device="cuda", dtype=torch.float32)
    call = lambda: _read[(programs,)](source, sink, blocks, times, _READ_BLOCK)  # noqa: E731
    return call, 4.0 * _READ_BLOCK * blocks * times
