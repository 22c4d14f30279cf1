"""Models as far as predictions need them: the dimensions of their layers, and their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traceql.errors import PredictionError
from traceql.predict.floors import positive

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    positive(hidden=hidden, layers=layers, heads=heads, intermediate=intermediate, vocab=vocab)
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
