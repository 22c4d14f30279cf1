"""What is done in every rank of an engine, through vLLM's ``worker_extension_cls`` and ``collective_rpc``.

One rank runs in the process of the engine; of a model that is spread over GPUs each has a process of its
own. Nothing but names, texts and numbers is sent there.
"""

from __future__ import annotations

import re
import statistics
from typing import TYPE_CHECKING, Any

from collectors import told
from collectors.layers import Watch
from collectors.worker import Capture, Here, metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What vLLM mixes into its workers.
EXTENSION = "collectors.ranks.Extension"


class Extension:
    """What vLLM's workers can be asked to do."""

    vllm_config: Any
    rank: int
    get_model: Any
    _traceql_watch: Watch
    _traceql_marks: list[Any]

    def traceql_settled(self) -> dict[str, Any]:
        """See `told.settled`."""
        return told.settled(self.vllm_config)

    def traceql_weights(self) -> dict[str, int]:
        """See `weights`."""
        return weights(self.get_model())

    def traceql_synchronize(self) -> None:
        """Wait until all that was launched has run."""
        Here().synchronize()

    def traceql_profiler(self, starts: bool) -> None:
        """Open or close the profiler's window; nsys records all ranks in it, whichever of them says so."""
        if self.rank == 0:
            Here().profiler(starts)

    def traceql_push(self, text: str) -> None:
        """Begin an NVTX range."""
        Here().push(text)

    def traceql_pop(self) -> None:
        """End it."""
        Here().pop()

    def traceql_mark(self) -> None:
        """Note the GPU's time when it comes to here."""
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self._traceql_marks = [*getattr(self, "_traceql_marks", ()), event]

    def traceql_between_marks(self) -> list[float]:
        """Milliseconds of the GPU between the first and second mark, third and fourth, …; no mark remains."""
        marks, self._traceql_marks = getattr(self, "_traceql_marks", []), []
        Here().synchronize()
        return [begun.elapsed_time(end) for begun, end in zip(marks[::2], marks[1::2], strict=False)]

    def traceql_watch(self, captured: str, one_call: bool, only: Sequence[str] = ()) -> dict[str, int]:
        """Wrap the layers; how many of each kind. See `layers.Watch`."""
        self._traceql_watch = Watch(Capture(captured), one_call=one_call, only=only)
        return self._traceql_watch.wrap(self.get_model())

    def traceql_prompt(self, length: int) -> None:
        """The layers' calls from now on are those of a prompt of so many tokens; of none with 0."""
        self._traceql_watch.prompt(length)

    def traceql_forget_memory(self) -> None:
        """From now on the peak of the memory is a new one."""
        import torch

        torch.cuda.reset_peak_memory_stats()

    def traceql_memory(self) -> dict[str, int]:
        """Bytes of GPU memory: at most in tensors, held by PyTorch for them, and used by everybody."""
        import torch

        free, total = torch.cuda.mem_get_info()
        return {
            "peak_allocated_bytes": torch.cuda.max_memory_allocated(),
            "reserved_bytes": torch.cuda.memory_reserved(),
            "gpu_used_bytes": total - free,
        }

    def traceql_ranges(self) -> int:
        """How many ranges the last prompt made."""
        return self._traceql_watch.ranges


class Ranks:
    """All ranks of an engine, asked together.

    Args:
        engine: a vllm.LLM.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.weights: list[dict[str, int]] = self.ask("weights")

    def __len__(self) -> int:
        return len(self.weights)

    def ask(self, what: str, *arguments: Any) -> list[Any]:
        """What each rank answers, in their order."""
        return list(self._engine.collective_rpc(f"traceql_{what}", args=arguments))

    def synchronize(self) -> None:
        """Wait until all that was launched has run."""
        self.ask("synchronize")

    def profiler(self, starts: bool) -> None:
        """Open or close the profiler's window."""
        self.ask("profiler", starts)

    def push(self, text: str) -> None:
        """Begin an NVTX range, in each."""
        self.ask("push", text)

    def pop(self) -> None:
        """End it."""
        self.ask("pop")

    def mark(self, _number: int) -> None:
        """Before and after a step that `between_marks` shall tell of; a single rank's is the engine's own."""
        if len(self) > 1:
            self.ask("mark")

    def between_marks(self) -> list[list[float]]:
        """Milliseconds of the GPU for each step that was marked, by rank."""
        return self.ask("between_marks") if len(self) > 1 else []

    def settled(self) -> dict[str, Any]:
        """How the engine is configured, see `told.settled`."""
        return dict(self.ask("settled")[0])

    def metrics(self, steps_ms: Sequence[Sequence[float]] = ()) -> list[dict[str, Any]]:
        """What each rank holds and how long a step took its GPU; nothing of a single one.

        Args:
            steps_ms: of each rank.
        """
        if len(self) == 1:
            return []
        found = [of_rank(n, "rank_weight_bytes", "bytes", one["bytes"]) for n, one in enumerate(self.weights)]
        medians = [(n, statistics.median(times)) for n, times in enumerate(steps_ms) if times]
        return found + [of_rank(n, "gpu_ms_per_step", "ms", median) for n, median in medians]


def of_rank(rank: int, name: str, unit: str, value: float) -> dict[str, Any]:
    """One number of one rank: in the sidecar it is a run of its own, with the tag ``rank``."""
    return {**metric(name, unit, value), "rank": rank}


def joined(earlier: Sequence[list[float]], later: Sequence[list[float]]) -> list[list[float]]:
    """Times of each rank, of two runs.

    >>> joined([], [[1.0], [2.0]]), joined([[1.0], [2.0]], [[3.0], [4.0]])
    ([[1.0], [2.0]], [[1.0, 3.0], [2.0, 4.0]])
    """
    return [a + b for a, b in zip(earlier, later, strict=True)] if earlier else [*later]


def total(sizes: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """The weights of all ranks: what their GPUs read together, whatever several of them hold."""
    return {name: sum(size[name] for size in sizes) for name in sizes[0]}


def weights(model: Any) -> dict[str, int]:
    """Bytes and numbers of the weights of a loaded model, and of those that not every step reads.

    Returns:
        ``bytes`` and ``count`` of all; ``embedding_bytes`` and ``embedding_count`` of the table of inputs,
        ``output_count`` of the output layer, ``expert_count`` of experts of which a router chooses; and how
        many parameters are ``packed``: several weights in one integer, so that their number is not known.
    """
    found = dict.fromkeys(
        ("bytes", "count", "embedding_bytes", "embedding_count", "output_count", "expert_count", "packed"), 0
    )
    for name, parameter in model.named_parameters():
        size, count = parameter.numel() * parameter.element_size(), parameter.numel()
        found["bytes"] += size
        found["count"] += count
        if "embed_tokens" in name or "embeddings" in name:
            found["embedding_bytes"] += size
            found["embedding_count"] += count
        elif "lm_head" in name:
            found["output_count"] += count
        elif re.search(r"(^|\.)experts\.", name):
            # Shared experts, which every token goes through, are called otherwise.
            found["expert_count"] += count
        if not parameter.dtype.is_floating_point:
            found["packed"] += 1
    return found
