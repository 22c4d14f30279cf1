"""Floors of serving: a decode step, and the prefill of prompts.

The counts of decoding follow Pope et al., "Efficiently Scaling Transformer Inference" (MLSys 2023); those of
Mamba-2 follow Dao and Gu, "Transformers are SSMs" (ICML 2024), those of latent attention DeepSeek-AI,
"DeepSeek-V2" (2024).

Left out everywhere: norms, rotary embeddings, biases and activations between layers. They are elementwise,
small beside the weights, and fused into their neighbours by serving engines. Of quantised weights the scales
are left out, too (see `traceql.predict.quantised`).

Arithmetic is in `precision`, and all that has no type of its own in the model is stored in it: see
`Model.in_types`. Mamba's convolution window always is.

Of a model that several GPUs share (`Model.on_one_of`) all numbers are of one of the GPUs. What they send each
other is in no step: see `all_reduces`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from traceql.errors import PredictionError
from traceql.predict.floors import Step, positive, ridge_batch, step, total
from traceql.predict.hardware import element_bytes
from traceql.predict.layers import Experts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.predict.hardware import Gpu
    from traceql.predict.models import Model
    from traceql.predict.quantised import Format


def decode_weights(
    weight_bytes: float,
    gpu: Gpu,
    precision: str = "bf16",
    batch: int = 1,
    *,
    weight_dtype: str | None = None,
) -> Step:
    """One decode step of a model of which only the size is known: every weight is read once.

    Floor = weight bytes ÷ bandwidth as long as 2·B FLOP per weight take less (Pope et al., section 2).

    Raises:
        PredictionError: a number is not positive, or the GPU has no peak in that precision.
    """
    positive(weight_bytes=weight_bytes, batch=batch)
    width = element_bytes(weight_dtype or precision)
    found = step("weights", 2 * batch * weight_bytes / width, weight_bytes, gpu, precision)
    return replace(found, ridge_batch=ridge_batch(gpu, precision, width))


def decode(
    model: Model, gpu: Gpu, *, batch: int = 1, context: int = 1, precision: str = "bf16"
) -> tuple[Step, ...]:
    """One decode step: each of `batch` sequences, with `context` tokens in its cache, gets one more token.

    Per part, over all layers; the last step is their sum.

    - weights of projections, feed-forward layers and output projection: 2·B FLOP per weight, each read once;
      of the embedding only B rows are read
    - experts: 2·B·k FLOP per weight of one expert; those that the batch touches are read, E·(1 − (1 − k/E)^B)
      per layer if tokens choose at random
    - attention: the new token meets itself and the context. 4·q·d·(context + 1) FLOP per sequence and layer
      (q·k and p·v); 2·kv·d elements per sequence and layer are read for each token of the context, and
      written for the new one. Latent attention: see `traceql.predict.layers.LatentAttention`
    - Mamba-2 state update: 5 FLOP per element of the state (decay, outer product, and read-out: Dao and Gu,
      section 3); state and convolution window read and written

    Raises:
        PredictionError: batch is not positive or context negative, sequences are longer than the window of
            the model's attention, or the GPU has no peak in that precision.
    """
    positive(batch=batch)
    if context < 0:
        raise PredictionError(f"context is {context}", "It must be 0 or more.")
    _refuse_beyond_window(model, context + 1)
    steps = [_embedding(model, batch, gpu, precision), *_layers(model, batch, gpu, precision)]
    if attention := model.attention:
        flop = attention.decode_flop_per_token * (context + 1) * batch
        cached = attention.kv_elements_per_token * (context + 1) * batch
        moved = cached * element_bytes(model.kv_dtype or precision)
        steps.append(step("attention over the KV cache", flop, moved, gpu, precision))
    if mamba := model.mamba:
        moved = 2 * batch * _state_bytes(model, precision)
        steps.append(step("mamba state", 5 * mamba.ssm_elements * batch, moved, gpu, precision))
    steps += _weights(model, "output projection", batch, gpu, precision)
    return (*steps, total("decode step", steps))


def prefill(
    model: Model,
    gpu: Gpu,
    *,
    tokens: int,
    batch: int = 1,
    precision: str = "bf16",
    chunk: int | None = None,
) -> tuple[Step, ...]:
    """Prefill of `batch` prompts of `tokens` tokens, nothing of them cached before.

    Per part, over all layers; the last step is their sum. L = tokens:

    - weights: 2·B·L FLOP per weight, each read once; experts as in `decode`, with B·L tokens
    - causal attention: 2·q·d·L·(L+1) FLOP per sequence and layer, half of the full square; Q, K and V are
      read, the output and the KV cache written, as FlashAttention does (Dao et al., 2022)
    - Mamba-2: `Mamba2.scan_flop`, in which chunks are causal likewise; x, B, C and the output pass DRAM once,
      the state is written
    - output projection: the last token of each sequence only

    In chunks (Agrawal et al., "Sarathi", 2023, section 4) FLOP are the same, but weights are read in each
    step; C tokens that follow p others meet them, 4·q·d·C·p FLOP more, and read their keys and values, and
    Mamba's state, again. Latent attention counts the latent vectors as read; to project them up once more is
    left out.

    Args:
        model: what one GPU holds of it.
        gpu: the GPU.
        tokens: of each prompt.
        batch: prompts.
        precision: of the arithmetic.
        chunk: tokens of each prompt in one step; None: all.

    Raises:
        PredictionError: a number is not positive, the prompts are longer than the window of the model's
            attention, or the GPU has no peak in that precision.
    """
    size = tokens if chunk is None else chunk
    positive(tokens=tokens, batch=batch, chunk=size)
    _refuse_beyond_window(model, tokens)
    chunks = [
        _prefill_step(model, gpu, cached, min(size, tokens - cached), batch, precision)
        for cached in range(0, tokens, size)
    ]
    steps = chunks[0]
    if len(chunks) > 1:
        steps = [
            replace(total(one.part, [step[place] for step in chunks]), ridge_batch=one.ridge_batch)
            for place, one in enumerate(steps)
        ]
    steps += _weights(model, "output projection", batch, gpu, precision)
    return (*steps, total("prefill", steps))


def _prefill_step(model: Model, gpu: Gpu, cached: int, tokens: int, batch: int, precision: str) -> list[Step]:
    """A step that prefills so many tokens of each prompt, which follow the cached ones."""
    width = element_bytes(precision)
    every = batch * tokens
    steps = [_embedding(model, every, gpu, precision), *_layers(model, every, gpu, precision)]
    if attention := model.attention:
        pairs = tokens * cached + tokens * (tokens + 1) // 2
        moved = attention.prefill_elements_per_token * every * width
        kept = attention.kv_elements_per_token * batch * (cached + tokens)
        moved += kept * element_bytes(model.kv_dtype or precision)
        flop = attention.prefill_flop_per_pair * pairs * batch
        steps.append(step("attention", flop, moved, gpu, precision))
    if mamba := model.mamba:
        moved = mamba.layers * (mamba.conv_channels + mamba.inner) * every * width
        moved += batch * _state_bytes(model, precision) * (2 if cached else 1)
        steps.append(step("mamba scan", mamba.scan_flop(tokens) * batch, moved, gpu, precision))
    return steps


def needed_bytes(model: Model, *, batch: int, tokens: int, precision: str = "bf16") -> float:
    """Bytes of memory that a step needs at least: all weights, and cache and state of such sequences.

    Activations, workspaces and the engine's own memory come on top.
    """
    own = element_bytes(model.weight_dtype or precision)
    held = 0 if model.tied else model.vocab * model.hidden * own
    for part in (*model.parts, "output projection"):
        for stored, weights in model.stored(part).items():
            held += weights * (stored.bits / 8 if stored else own)
    per_sequence = _state_bytes(model, precision)
    if attention := model.attention:
        cached = attention.kv_elements_per_token * tokens
        per_sequence += cached * element_bytes(model.kv_dtype or precision)
    return held + batch * per_sequence


def too_long(model: Model, tokens: int) -> str:
    """A sentence where sequences are longer than positions are made for; else empty."""
    if model.max_tokens is None or tokens <= model.max_tokens:
        return ""
    return f"{tokens:,} tokens do not fit: max_position_embeddings is {model.max_tokens:,}."


def unpacked(model: Model, gpu: Gpu) -> tuple[str, ...]:
    """Precisions of quantised weights that the GPU has no peak of: they are computed in that of all else."""
    named = {one.format.precision for one in model.quantised if one.format.precision}
    return tuple(sorted(named - gpu.peak_flop_per_s.keys()))


def all_reduces(
    model: Model, gpu: Gpu, *, rows: int, precision: str = "bf16"
) -> tuple[int, float, float | None]:
    """What GPUs that share a model send each other: how many all-reduces, bytes from each GPU, seconds.

    One after each attention, feed-forward and Mamba layer, over the residual stream of so many rows; each
    sends at least 2·(N − 1)/N of its size (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for
    clusters of workstations", 2009), over NVLink or, without it, PCIe; None where neither is known.
    """
    count = sum(part.layers for part in (model.attention, model.mlp, model.experts, model.mamba) if part)
    size = rows * model.hidden * element_bytes(precision)
    sent = count * size * 2 * (model.gpus - 1) / model.gpus
    link = gpu.nvlink_bytes_per_s or gpu.pcie_bytes_per_s
    return count, sent, sent / link if link else None


def _refuse_beyond_window(model: Model, tokens: int) -> None:
    if model.window is not None and tokens > model.window:
        raise PredictionError(
            f"{tokens:,} tokens are more than sliding_window, {model.window:,}: attention beyond it is "
            "not predicted",
            f"At most {model.window:,} tokens are, the new one of a decode step included; without "
            "sliding_window in the configuration every token meets all before it.",
        )


def _embedding(model: Model, rows: int, gpu: Gpu, precision: str) -> Step:
    read = rows * model.hidden * element_bytes(model.weight_dtype or precision) / model.gpus
    return step("embedding", 0, read, gpu, precision)


def _layers(model: Model, rows: int, gpu: Gpu, precision: str) -> list[Step]:
    return [one for part in model.parts for one in _weights(model, part, rows, gpu, precision)]


def _weights(model: Model, part: str, rows: int, gpu: Gpu, precision: str) -> list[Step]:
    """Multiplying rows by the weights of a part: a step per format in which they are stored."""
    layers = model.parts.get(part)
    experts = layers if isinstance(layers, Experts) else None
    stored = model.stored(part)
    steps = []
    for format_, weights in stored.items():
        multiplied: float = weights
        read: float = weights
        if experts:
            multiplied *= experts.chosen / experts.count
            read *= experts.touched(rows) / experts.count
        width = format_.bits / 8 if format_ else element_bytes(model.weight_dtype or precision)
        own = (format_ and format_.precision) or precision
        # Where a GPU cannot multiply in the weights' precision, kernels unpack them (see `unpacked`).
        used = own if own in gpu.peak_flop_per_s else precision
        found = step(_name(part, format_, stored), 2 * rows * multiplied, read * width, gpu, used)
        ridge = ridge_batch(gpu, used, width)
        # A row passes some of the experts: each of them needs more rows to be busy.
        ridge *= experts.count / experts.chosen if experts else 1
        steps.append(replace(found, ridge_batch=ridge))
    return steps


def _name(part: str, format_: Format | None, stored: Mapping[Format | None, int]) -> str:
    if len(stored) == 1:
        return part
    if format_ is None:
        return f"{part}, not quantised"
    return part if sum(map(bool, stored)) == 1 else f"{part}, {format_.bits} bits"


def _state_bytes(model: Model, precision: str) -> float:
    """SSM state and convolution window of one sequence; 0 without Mamba."""
    if not (mamba := model.mamba):
        return 0
    return mamba.ssm_elements * element_bytes(model.ssm_dtype) + mamba.conv_elements * element_bytes(
        precision
    )
