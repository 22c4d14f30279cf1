"""The Triton kernel of `memory_hierarchy` that reads and does nothing else; imported by its worker alone."""

from collections.abc import Callable
from typing import Any

# Triton finds what a kernel calls among the globals of its module.
import torch
import triton
import triton.language as tl

_BLOCK = 2048
_PROGRAMS_PER_SM = 8


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
    blocks = size_bytes // (4 * _BLOCK)
    source = torch.ones(blocks * _BLOCK, device="cuda", dtype=torch.float32)
    programs = _PROGRAMS_PER_SM * torch.cuda.get_device_properties(0).multi_processor_count
    sink = torch.empty(programs * _BLOCK, device="cuda", dtype=torch.float32)
    return lambda: _read[(programs,)](source, sink, blocks, times, _BLOCK), 4.0 * _BLOCK * blocks * times
