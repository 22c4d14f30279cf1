"""Useful FLOP of layers and of kinds of kernels, by the shape of the work: counters tell those executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traceql.predict import hardware, serving
from traceql.predict.floors import positive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from traceql.predict.floors import Step
    from traceql.predict.models import Model

# Kind of layer, as the collectors call it → how the names of its parts begin.
_PARTS = {
    "attention": ("attention",),
    "mlp": ("feed-forward",),
    "moe": ("router", "shared experts", "experts"),
    "mamba2": ("mamba",),
}
# Kind of kernel, as kernel-categories calls it → how the names of the parts begin that it computes.
_KINDS = {
    "gemm": (
        "attention projections",
        "feed-forward",
        "router",
        "shared experts",
        "mamba projections",
        "output projection",
    ),
    "moe": ("experts",),
    "mamba": ("mamba state", "mamba scan"),
}


def layers(
    model: Model, tokens: Sequence[int], *, batch: int = 1, chunk: int | None = None
) -> Iterator[dict[str, Any]]:
    """One layer of each kind of a model, in prefill and in one decode step: a row of a table of runs each.

    Args:
        model: the model.
        tokens: lengths of prompts.
        batch: sequences.
        chunk: tokens of a prefill step, if prompts are prefilled in chunks: then prefill is the last of them,
            as the collectors record it, which sees the whole context.

    Yields:
        layer_kind, phase (prefill or decode), seq_len (tokens of the prompt), useful_flop. The counts are
        those of `traceql.predict.serving`. A layer with experts (moe) is its router, its shared experts, and
        for each token the experts that it chooses.

    Raises:
        PredictionError: a number is not positive, or a prompt and its new token are longer than the window of
            the model's attention.
    """
    # FLOP are the same on every GPU.
    gpu = hardware.gpus()[0]

    def prefilled(length: int) -> Callable[[tuple[str, ...]], float]:
        return _flop_of(serving.prefill(model, gpu, tokens=length, batch=batch))

    kinds = {"attention": model.attention, "mlp": model.mlp, "moe": model.experts, "mamba2": model.mamba}
    for length in tokens:
        positive(tokens=length, chunk=chunk or length)
        # All but the last chunk came before.
        before = (length - 1) // (chunk or length) * (chunk or length)
        whole, earlier = prefilled(length), prefilled(before) if before else lambda _: 0.0
        decoded = _flop_of(serving.decode(model, gpu, batch=batch, context=length))
        for kind, found in kinds.items():
            if found:
                parts = _PARTS[kind]
                phases = {"prefill": whole(parts) - earlier(parts), "decode": decoded(parts)}
                for phase, flop in phases.items():
                    yield {
                        "layer_kind": kind,
                        "phase": phase,
                        "seq_len": length,
                        "useful_flop": flop / found.layers,
                    }


def kinds(
    model: Model, *, batch: Sequence[int], tokens: Sequence[int] = (), context: Sequence[int] = ()
) -> Iterator[dict[str, Any]]:
    """What each kind of kernel has to do in a step of a model: a row of a table of runs each.

    Args:
        model: the model.
        batch: numbers of sequences.
        tokens: lengths of prompts that are prefilled in one step.
        context: tokens in each sequence's cache, before the new one of a decode step.

    Yields:
        category (gemm, attention, moe or mamba, as the query kernel-categories has them), phase (prefill or
        decode), batch_size, input_len (tokens of the prompt, or of the context), useful_flop. The counts are
        those of `traceql.predict.serving`, which leaves out norms, activations and other elementwise work.

    Raises:
        PredictionError: as `traceql.predict.serving.decode` and `prefill`.
    """
    # FLOP are the same on every GPU.
    gpu = hardware.gpus()[0]
    for size in batch:
        steps = [("prefill", n, serving.prefill(model, gpu, tokens=n, batch=size)) for n in tokens]
        steps += [("decode", n, serving.decode(model, gpu, batch=size, context=n)) for n in context]
        for phase, length, parts in steps:
            flop = {kind: _flop_of(parts)(names) for kind, names in _KINDS.items()}
            # What is left of the whole.
            flop["attention"] = parts[-1].flop - sum(flop.values())
            for kind, useful in flop.items():
                if useful:
                    yield {
                        "category": kind,
                        "phase": phase,
                        "batch_size": size,
                        "input_len": length,
                        "useful_flop": float(useful),
                    }


def _flop_of(steps: Sequence[Step]) -> Callable[[tuple[str, ...]], float]:
    return lambda parts: float(sum(step.flop for step in steps if step.part.startswith(parts)))
