"""Floors of serving: a decode step, and the prefill of prompts.

The counts of decoding follow Pope et al., "Efficiently Scaling Transformer Inference" (MLSys 2023); those of
Mamba-2 follow Dao and Gu, "Transformers are SSMs" (ICML 2024).

Left out everywhere: norms, rotary embeddings, biases and activations between layers. They are elementwise,
small beside the weights, and fused into their neighbours by serving engines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.predict.floors import Step, positive, step, total
from traceql.predict.hardware import element_bytes

if TYPE_CHECKING:
    from traceql.predict.hardware import Gpu
    from traceql.predict.models import Model


def decode_weights(weight_bytes: float, gpu: Gpu, precision: str = "bf16", batch: int = 1) -> Step:
    """One decode step of a model of which only the size is known: every weight is read once.

    Floor = weight bytes ÷ bandwidth as long as 2·B FLOP per weight take less (Pope et al., section 2).
    """
    positive(weight_bytes=weight_bytes, batch=batch)
    flop = 2 * batch * weight_bytes / element_bytes(precision)
    return step("weights", flop, weight_bytes, gpu, precision)


def decode(
    model: Model, gpu: Gpu, *, batch: int = 1, context: int = 1, precision: str = "bf16"
) -> tuple[Step, ...]:
    """One decode step: each of `batch` sequences, with `context` tokens in its cache, gets one more token.

    Per part, over all layers; the last step is their sum. w = element size:

    - weights of projections, feed-forward layers and output projection: 2·B FLOP per weight, each read once;
      of the embedding only B rows are read
    - attention: 4·q·d·context FLOP per sequence and layer (q·k and p·v); the KV cache, 2·kv·d·context·w bytes
      per sequence and layer, is read once, and one token's is written
    - Mamba-2 state update: 5 FLOP per element of the state (decay, outer product, and read-out: Dao and Gu,
      section 3); state and convolution window, in the model's precision, read and written

    Raises:
        PredictionError: a number is not positive, or the GPU has no peak in that precision.
    """
    positive(batch=batch, context=context)
    width = element_bytes(precision)
    steps = [step("embedding", 0, batch * model.hidden * width, gpu, precision)]
    steps += _weight_steps(model, batch, gpu, precision)
    if attention := model.attention:
        flop = 4 * attention.layers * attention.query_heads * attention.head_dim * context * batch
        cached = attention.kv_elements_per_token * (context + 1) * batch * width
        steps.append(step("attention over the KV cache", flop, cached, gpu, precision))
    if mamba := model.mamba:
        flop = 5 * mamba.layers * mamba.inner * mamba.state * batch
        steps.append(step("mamba state", flop, 2 * mamba.state_elements * batch * width, gpu, precision))
    steps.append(_output_projection(model, batch, gpu, precision))
    return (*steps, total("decode step", steps))


def prefill(
    model: Model, gpu: Gpu, *, tokens: int, batch: int = 1, precision: str = "bf16"
) -> tuple[Step, ...]:
    """Prefill of `batch` prompts of `tokens` tokens, nothing of them cached before.

    Per part, over all layers; the last step is their sum. w = element size, L = tokens:

    - weights: 2·B·L FLOP per weight, each read once
    - causal attention: 2·q·d·L·(L+1) FLOP per sequence and layer, half of the full square; Q, K and V are
      read, the output and the KV cache written, as FlashAttention does (Dao et al., 2022)
    - Mamba-2 in chunks of c tokens: per token and layer 2·c·(N·groups + inner) FLOP inside a chunk and
      4·N·inner through the states (Dao and Gu, section 6); x, B, C and the output pass DRAM once
    - output projection: the last token of each sequence only

    Raises:
        PredictionError: a number is not positive, or the GPU has no peak in that precision.
    """
    positive(tokens=tokens, batch=batch)
    width = element_bytes(precision)
    every = batch * tokens
    steps = [step("embedding", 0, every * model.hidden * width, gpu, precision)]
    steps += _weight_steps(model, every, gpu, precision)
    if attention := model.attention:
        query = attention.layers * attention.query_heads * attention.head_dim
        flop = 2 * query * tokens * (tokens + 1) * batch
        moved = (2 * query + 2 * attention.kv_elements_per_token) * every * width
        steps.append(step("attention", flop, moved, gpu, precision))
    if mamba := model.mamba:
        chunk = min(mamba.chunk, tokens)
        inside = 2 * chunk * (mamba.state * mamba.groups + mamba.inner)
        through = 4 * mamba.state * mamba.inner
        flop = mamba.layers * (inside + through) * every
        moved = mamba.layers * (mamba.conv_channels + mamba.inner) * every * width
        moved += mamba.state_elements * batch * width
        steps.append(step("mamba scan", flop, moved, gpu, precision))
    steps.append(_output_projection(model, batch, gpu, precision))
    return (*steps, total("prefill", steps))


def _weight_steps(model: Model, rows: int, gpu: Gpu, precision: str) -> list[Step]:
    width = element_bytes(precision)
    parts = {
        "attention projections": model.attention,
        "feed-forward": model.mlp,
        "mamba projections": model.mamba,
    }
    return [
        step(name, 2 * rows * part.parameters, part.parameters * width, gpu, precision)
        for name, part in parts.items()
        if part
    ]


def _output_projection(model: Model, rows: int, gpu: Gpu, precision: str) -> Step:
    weights = model.vocab * model.hidden
    return step("output projection", 2 * rows * weights, weights * element_bytes(precision), gpu, precision)
