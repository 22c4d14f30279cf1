"""What follows from floors: where work becomes compute-bound, what fits, the largest batch in a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.errors import PredictionError
from traceql.predict import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from traceql.predict.floors import Step
    from traceql.predict.hardware import Gpu
    from traceql.predict.models import Model

#: As far as is searched; no batch and no prompt is longer.
MOST = 1 << 22


def least(holds: Callable[[int], bool], most: int = MOST) -> int | None:
    """The smallest number from 1 for which something holds that holds for all larger ones; None up to `most`.

    >>> least(lambda number: number >= 275.2), least(lambda number: False)
    (276, None)
    >>> least(lambda number: number >= 100, most=99)
    """
    below, above = 0, 1
    while not holds(above):
        if above >= most:
            return None
        below, above = above, min(2 * above, most)
    while above - below > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if holds(middle) else (middle, above)
    return above


def compute_bound_from(steps: Callable[[int], Sequence[Step]], most: int = MOST) -> Mapping[str, int | None]:
    """Part → the smallest number of rows from which its roof is compute; None: never.

    A part's intensity does not fall with the rows: weights are read once for all of them, and what is read
    for each row stands in one proportion to its FLOP. A layer of in × out weights of e bytes on B rows is
    compute-bound from B = R·e·in·out ÷ (2·in·out − R·e·(in + out)), R the ridge point in FLOP/byte: where
    2·B·in·out ÷ (e·(in·out + B·(in + out))) reaches R (Williams, Waterman and Patterson, "Roofline", 2009).

    Args:
        steps: of so many rows; the same parts whatever the number.
        most: rows to look at.
    """

    def bound(place: int) -> Callable[[int], bool]:
        return lambda rows: steps(rows)[place].bound == "compute"

    return {one.part: least(bound(place), most) for place, one in enumerate(steps(1))}


def largest_within(seconds: float, floor_s: Callable[[int], float]) -> int:
    """The largest number whose floor takes no longer; 0: not even one.

    Floors grow with their rows.
    """
    longer = least(lambda number: floor_s(number) > seconds)
    return MOST if longer is None else longer - 1


@dataclass(frozen=True)
class Capacity:
    """What fits into the memory of one GPU.

    Attributes:
        weight_bytes: all weights that the GPU holds.
        kv_bytes_per_token: K and V of one token in all layers (Kwon et al., "Efficient Memory Management for
            Large Language Model Serving with PagedAttention", 2023, section 3: 2 × hidden × layers × bytes
            where each head has its own keys and values).
        state_bytes_per_sequence: Mamba's; 0 without.
        cache_bytes: what the weights leave of the share of the memory that is used.
        tokens: of how many the cache has room, in one sequence; None without attention.
        sequences: of the given length; None: any number.
    """

    weight_bytes: float
    kv_bytes_per_token: float
    state_bytes_per_sequence: float
    cache_bytes: float
    tokens: int | None
    sequences: int | None


def capacity(model: Model, gpu: Gpu, *, tokens: int, precision: str, memory_pct: float = 90) -> Capacity:
    """How many tokens and sequences the KV cache has room for beside the weights.

    cache = memory × share − weights; sequences = ⌊cache ÷ (tokens × bytes per token + state)⌋. Activations
    and workspaces are not counted, of which engines measure theirs. The memory is the datasheet's; devices
    report 7 % more (H100 80 GB: 81,559 MiB; H200: 143,771 MiB), so that the two errors go against each other.

    Args:
        model: what one GPU holds of it.
        gpu: whose memory.
        tokens: of each sequence, the new one included.
        precision: of the arithmetic.
        memory_pct: share of the memory that the engine uses; 90 is vLLM's `gpu_memory_utilization`.

    Raises:
        PredictionError: the weights alone do not fit.
    """
    weights = serving.needed_bytes(model, batch=0, tokens=0, precision=precision)
    state = serving.needed_bytes(model, batch=1, tokens=0, precision=precision) - weights
    per_token = serving.needed_bytes(model, batch=1, tokens=1, precision=precision) - weights - state
    cache = gpu.memory_bytes * memory_pct / 100 - weights
    if cache < 0:
        raise PredictionError(
            f"{gpu.name}: {weights / 1e9:,.1f} GB of weights do not fit into {memory_pct:g} % of "
            f"{gpu.memory_bytes / 1e9:,.1f} GB",
            "Use more GPUs (--tensor-parallel-size), or smaller weights (--weight-dtype).",
        )
    one = per_token * tokens + state
    return Capacity(
        weight_bytes=weights,
        kv_bytes_per_token=per_token,
        state_bytes_per_sequence=state,
        cache_bytes=cache,
        tokens=int(max(0, cache - state) // per_token) if per_token else None,
        sequences=int(cache // one) if one else None,
    )
