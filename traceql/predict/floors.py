"""What theory says before a run: FLOP, bytes, arithmetic intensity, which roof binds, the floor of the time.

Every floor is the roofline's (Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4),
2009): time ≥ max(FLOP ÷ peak FLOP/s, bytes ÷ DRAM bytes/s). It counts each byte once, as if caches were
perfect, and no launch overhead: measured times lie above it. A measured time below it means that something
else was measured (work that a cache spared, for example), never that the hardware was faster.

The counts of transformer work follow NVIDIA, "Matrix Multiplication Background User's Guide" (a GEMM of m × k
by k × n is 2·m·n·k FLOP), and Pope et al., "Efficiently Scaling Transformer Inference" (MLSys 2023), for
decoding; those of Mamba-2 follow Dao and Gu, "Transformers are SSMs" (ICML 2024).

Left out everywhere: norms, rotary embeddings, biases and activations between layers. They are elementwise,
small beside the weights, and fused into their neighbours by serving engines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traceql.errors import PredictionError
from traceql.predict.hardware import element_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.predict.hardware import Gpu


@dataclass(frozen=True)
class Step:
    """Some work on a GPU and its floor.

    Attributes:
        part: what it is.
        flop: floating-point operations.
        dram_bytes: read from and written to DRAM.
        bound: the roof that binds: compute or memory; of a sum, the one with the larger share of the time.
        floor_s: no GPU of that kind is faster, in seconds.
    """

    part: str
    flop: float
    dram_bytes: float
    bound: str
    floor_s: float

    @property
    def flop_per_byte(self) -> float | None:
        """Arithmetic intensity; None where nothing is moved."""
        return self.flop / self.dram_bytes if self.dram_bytes else None


def step(part: str, flop: float, dram_bytes: float, gpu: Gpu, precision: str) -> Step:
    """The roofline floor of some work: max(FLOP ÷ peak, bytes ÷ DRAM bandwidth).

    Raises:
        PredictionError: the GPU has no peak in that precision.
    """
    compute_s = flop / gpu.peak(precision)
    memory_s = dram_bytes / gpu.memory_bandwidth_bytes_per_s
    bound = "compute" if compute_s > memory_s else "memory"
    return Step(part, flop, dram_bytes, bound, max(compute_s, memory_s))


def total(part: str, steps: Sequence[Step]) -> Step:
    """Steps one after another: everything adds up."""
    seconds = {"memory": 0.0, "compute": 0.0}
    for one in steps:
        seconds[one.bound] += one.floor_s
    return Step(
        part,
        sum(s.flop for s in steps),
        sum(s.dram_bytes for s in steps),
        max(seconds, key=lambda bound: seconds[bound]),
        sum(s.floor_s for s in steps),
    )


# --- layers ---------------------------------------------------------------------------------------------


def linear(in_features: int, out_features: int, batch: int, gpu: Gpu, precision: str = "bf16") -> Step:
    """``nn.Linear(in_features, out_features)`` on `batch` rows, without bias.

    FLOP = 2·B·in·out; bytes = element size × (in·out + B·in + B·out): weights and inputs read, outputs
    written once (NVIDIA, "Matrix Multiplication Background User's Guide", chapter 2).

    Raises:
        PredictionError: a dimension is not positive, or the GPU has no peak in that precision.
    """
    _positive(in_features=in_features, out_features=out_features, batch=batch)
    elements = in_features * out_features + batch * (in_features + out_features)
    flop = 2 * batch * in_features * out_features
    return step("linear", flop, elements * element_bytes(precision), gpu, precision)


def elementwise(part: str, elements: int, gpu: Gpu, precision: str = "bf16") -> Step:
    """An operation that reads and writes each element once and does one FLOP with it, such as a ReLU.

    Its intensity is 1 ÷ (2 × element size), 0.25 FLOP/byte in bf16: memory-bound on every GPU. The arithmetic
    runs on the CUDA cores in fp32 (NVIDIA, "Memory-Limited Layers User's Guide").
    """
    _positive(elements=elements)
    return step(part, elements, 2 * elements * element_bytes(precision), gpu, "fp32")


def linear_relu(
    in_features: int, out_features: int, batch: int, gpu: Gpu, precision: str = "bf16"
) -> tuple[Step, ...]:
    """A linear layer and a ReLU: each alone, one after the other, fused, and what fusing saves.

    Fused, the ReLU is applied before the output leaves the chip, so that its own reading and writing,
    2·B·out elements, falls away. Where the output fits into L2 the unfused pair moves less than that, and
    fusing saves mostly the launch.
    """
    gemm = linear(in_features, out_features, batch, gpu, precision)
    relu = elementwise("relu", batch * out_features, gpu, precision)
    apart = total("linear, then relu", (gemm, relu))
    # The ReLU's arithmetic hides behind the tensor cores' and the memory's work.
    fused = Step("linear with relu fused", apart.flop, gemm.dram_bytes, gemm.bound, gemm.floor_s)
    saved = Step("saved by fusing", 0, relu.dram_bytes, "memory", apart.floor_s - fused.floor_s)
    return gemm, relu, apart, fused, saved


# --- models ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attention:
    """Grouped-query attention layers."""

    layers: int
    hidden: int
    query_heads: int
    kv_heads: int
    head_dim: int

    @property
    def parameters(self) -> int:
        """Weights of the four projections: h·d·(2·q + 2·kv) per layer."""
        return self.layers * self.hidden * self.head_dim * 2 * (self.query_heads + self.kv_heads)

    @property
    def kv_elements_per_token(self) -> int:
        """K and V of one token in all layers: 2·kv·d per layer."""
        return self.layers * 2 * self.kv_heads * self.head_dim


@dataclass(frozen=True)
class Mlp:
    """Feed-forward layers: two matrices, or three when gated (SwiGLU)."""

    layers: int
    hidden: int
    intermediate: int
    gated: bool

    @property
    def parameters(self) -> int:
        """Weights: h·i times two, or three when gated."""
        return self.layers * self.hidden * self.intermediate * (3 if self.gated else 2)


@dataclass(frozen=True)
class Mamba2:
    """Mamba-2 layers."""

    layers: int
    hidden: int
    heads: int
    head_dim: int
    state: int
    groups: int
    conv: int
    chunk: int

    @property
    def inner(self) -> int:
        """Channels inside the layer."""
        return self.heads * self.head_dim

    @property
    def conv_channels(self) -> int:
        """Channels that the convolution runs over: x, B and C."""
        return self.inner + 2 * self.groups * self.state

    @property
    def parameters(self) -> int:
        """Input projection (z, x, B, C, dt), convolution, output projection; A, D and dt_bias."""
        into = self.hidden * (self.inner + self.conv_channels + self.heads)
        return self.layers * (
            into + self.conv_channels * (self.conv + 1) + self.inner * self.hidden + 3 * self.heads
        )

    @property
    def state_elements(self) -> int:
        """What one sequence keeps in all layers instead of a KV cache: SSM state and convolution window."""
        return self.layers * (self.inner * self.state + self.conv_channels * (self.conv - 1))


@dataclass(frozen=True)
class Model:
    """The dimensions of a decoder that predictions need.

    Attributes:
        hidden: width of the residual stream.
        vocab: entries of the vocabulary.
        tied: the output projection shares the embedding's weights.
        attention: attention layers; None without.
        mlp: feed-forward layers; None without.
        mamba: Mamba-2 layers; None without.
    """

    hidden: int
    vocab: int
    tied: bool
    attention: Attention | None
    mlp: Mlp | None
    mamba: Mamba2 | None = None

    @property
    def layer_parameters(self) -> int:
        """Weights that every token passes: all but the embedding and the output projection."""
        return sum(part.parameters for part in (self.attention, self.mlp, self.mamba) if part)

    @property
    def parameters(self) -> int:
        """All weights, norms left out."""
        return self.layer_parameters + self.vocab * self.hidden * (1 if self.tied else 2)


def llama(
    *,
    hidden: int,
    layers: int,
    heads: int,
    intermediate: int,
    vocab: int,
    kv_heads: int | None = None,
    head_dim: int | None = None,
    gated: bool = True,
    tied: bool = False,
) -> Model:
    """A model of Llama's kind from its dimensions.

    >>> model = llama(hidden=4096, layers=32, heads=32, kv_heads=8, intermediate=14336, vocab=128256)
    >>> f"{model.parameters / 1e9:.2f} billion"
    '8.03 billion'
    """
    _positive(hidden=hidden, layers=layers, heads=heads, intermediate=intermediate, vocab=vocab)
    return Model(
        hidden,
        vocab,
        tied,
        Attention(layers, hidden, heads, kv_heads or heads, head_dim or hidden // heads),
        Mlp(layers, hidden, intermediate, gated),
    )


# model_type of configurations whose feed-forward layers have a gate, as Llama's → whether the output
# projection shares the embedding's weights unless the configuration says otherwise (its class's default).
_GATED = {
    "llama": False,
    "mistral": False,
    "qwen2": False,
    "qwen3": False,
    "phi3": False,
    "olmo2": False,
    "granite": False,
    "gemma": True,
    "smollm3": True,
}
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_intermediate_size")


def from_config(config: Mapping[str, Any]) -> Model:
    """The model that a Hugging Face ``config.json`` describes: of Llama's kind, or a NemotronH hybrid.

    Raises:
        PredictionError: another kind of model, or a dimension is missing.
    """
    kind = str(config.get("model_type", "llama"))
    if kind == "nemotron_h":
        return _nemotron_h(config)
    if kind not in _GATED or any(config.get(key) for key in _EXPERTS):
        raise PredictionError(
            f"the configuration describes a {kind} model, which is not predicted",
            f"Known are {', '.join(_GATED)} without experts, and nemotron_h.",
        )
    if config.get("sliding_window") and config.get("use_sliding_window", True):
        raise PredictionError(
            "the configuration has sliding-window attention, which is not predicted",
            "If the context is shorter than the window, remove sliding_window from the configuration.",
        )
    return llama(
        hidden=_dimension(config, "hidden_size"),
        layers=_dimension(config, "num_hidden_layers"),
        heads=_dimension(config, "num_attention_heads"),
        kv_heads=config.get("num_key_value_heads"),
        head_dim=config.get("head_dim"),
        intermediate=_dimension(config, "intermediate_size"),
        vocab=_dimension(config, "vocab_size"),
        tied=bool(config.get("tie_word_embeddings", _GATED[kind])),
    )


def _nemotron_h(config: Mapping[str, Any]) -> Model:
    pattern = str(config.get("hybrid_override_pattern", ""))
    if not pattern or set(pattern) - set("M-*"):
        raise PredictionError(
            f"hybrid_override_pattern is {pattern!r}",
            "Expected one letter per layer: M (Mamba-2), - (feed-forward) or * (attention); "
            "experts (E) are not predicted.",
        )
    hidden = _dimension(config, "hidden_size")
    mamba_layers, mlp_layers, attention_layers = (pattern.count(letter) for letter in "M-*")
    heads = _dimension(config, "num_attention_heads")
    return Model(
        hidden,
        _dimension(config, "vocab_size"),
        bool(config.get("tie_word_embeddings", False)),
        Attention(
            attention_layers,
            hidden,
            heads,
            config.get("num_key_value_heads") or heads,
            _dimension(config, "head_dim", "attention_head_dim"),
        )
        if attention_layers
        else None,
        Mlp(mlp_layers, hidden, _dimension(config, "intermediate_size"), gated=False) if mlp_layers else None,
        Mamba2(
            mamba_layers,
            hidden,
            _dimension(config, "mamba_num_heads"),
            _dimension(config, "mamba_head_dim"),
            _dimension(config, "ssm_state_size"),
            _dimension(config, "n_groups", "mamba_n_groups"),
            _dimension(config, "conv_kernel", "mamba_d_conv"),
            _dimension(config, "chunk_size", "mamba_chunk_size"),
        )
        if mamba_layers
        else None,
    )


def _dimension(config: Mapping[str, Any], *keys: str) -> int:
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    raise PredictionError(f"the configuration gives no {keys[0]}", "Is it a model's config.json?")


# --- decode and prefill ---------------------------------------------------------------------------------


def decode_weights(weight_bytes: float, gpu: Gpu, precision: str = "bf16", batch: int = 1) -> Step:
    """One decode step of a model of which only the size is known: every weight is read once.

    Floor = weight bytes ÷ bandwidth as long as 2·B FLOP per weight take less (Pope et al., section 2).
    """
    _positive(weight_bytes=weight_bytes, batch=batch)
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
    _positive(batch=batch, context=context)
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
    _positive(tokens=tokens, batch=batch)
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


# --- shapes ---------------------------------------------------------------------------------------------

#: Output tiles of thread blocks that cuBLAS and CUTLASS use, largest first ("Matrix Multiplication Background
#: User's Guide", section 2.3).
TILES = ((256, 128), (128, 256), (128, 128), (256, 64), (64, 256), (128, 64), (64, 128), (64, 64))


@dataclass(frozen=True)
class TiledGemm:
    """A GEMM cut into tiles, one per thread block, and the blocks into waves over the SMs.

    Attributes:
        m: rows of the output.
        n: columns of the output.
        k: length of the sums.
        tile_m: rows of a tile.
        tile_n: columns of a tile.
        tiles: thread blocks.
        waves: rounds in which every SM takes one block.
        idle_sms: SMs without a block in the last wave.
        tile_efficiency_pct: share of the tiles' elements that belong to the output.
        wave_efficiency_pct: share of SM rounds that have a block.
        flop: useful, 2·m·n·k.
        executed_flop: of whole tiles.
        floor_s: seconds for all waves, or for the bytes if those take longer.
        aligned_bytes: largest of 128 and 16 that divides m, n and k elements, or 0: tensor cores are fastest
            with 128 (A100 and later), and want at least 16 (the same guide, section 2.2).
    """

    m: int
    n: int
    k: int
    tile_m: int
    tile_n: int
    tiles: int
    waves: int
    idle_sms: int
    tile_efficiency_pct: float
    wave_efficiency_pct: float
    flop: int
    executed_flop: int
    floor_s: float
    aligned_bytes: int

    @property
    def utilisation_pct(self) -> float:
        """Share of the SMs' work that is of use: tile efficiency × wave efficiency."""
        return self.tile_efficiency_pct * self.wave_efficiency_pct / 100


def gemm(
    m: int, n: int, k: int, gpu: Gpu, *, tile: tuple[int, int] = TILES[0], precision: str = "bf16"
) -> TiledGemm:
    """Tile and wave quantisation of a GEMM, one thread block per SM at a time.

    Tiles = ⌈m/tile_m⌉·⌈n/tile_n⌉, waves = ⌈tiles/SMs⌉ ("Matrix Multiplication Background User's Guide",
    chapter 3). A full wave takes 2·tile_m·tile_n·k·SMs ÷ peak. Kernels that split k or balance tiles between
    SMs (stream-K) waste less.

    Raises:
        PredictionError: a number is not positive, or the GPU has no peak in that precision.
    """
    tile_m, tile_n = tile
    _positive(m=m, n=n, k=k, tile_m=tile_m, tile_n=tile_n)
    tiles = math.ceil(m / tile_m) * math.ceil(n / tile_n)
    waves = math.ceil(tiles / gpu.sm_count)
    slots = waves * gpu.sm_count
    width = element_bytes(precision)
    wave_s = 2 * tile_m * tile_n * k * gpu.sm_count / gpu.peak(precision)
    memory_s = (m * k + k * n + m * n) * width / gpu.memory_bandwidth_bytes_per_s
    shortest = math.gcd(m, n, k) * width
    return TiledGemm(
        m=m,
        n=n,
        k=k,
        tile_m=tile_m,
        tile_n=tile_n,
        tiles=tiles,
        waves=waves,
        idle_sms=slots - tiles,
        tile_efficiency_pct=100 * m * n / (tiles * tile_m * tile_n),
        wave_efficiency_pct=100 * tiles / slots,
        flop=2 * m * n * k,
        executed_flop=2 * tiles * tile_m * tile_n * k,
        floor_s=max(waves * wave_s, memory_s),
        aligned_bytes=next((size for size in (128, 16) if shortest % size == 0), 0),
    )


def _positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise PredictionError(f"{name.replace('_', ' ')} is {value}", "It must be positive.")
