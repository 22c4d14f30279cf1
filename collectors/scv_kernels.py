"""The Triton kernel of `spec_verify_micro`; imported by its worker alone, for it needs triton."""

from typing import Any

# Triton finds what a kernel calls among the globals of its module.
import triton
import triton.language as tl


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
