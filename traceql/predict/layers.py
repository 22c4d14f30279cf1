"""Kinds of layers: what their weights are, what they keep of a sequence, and what one of several GPUs holds.

``modules`` maps the matrices of one layer, by the names that ``config.json`` files use, to their weights. All
that is said of weights follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from traceql.errors import PredictionError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Layers:
    """Some layers of one kind.

    Attributes:
        layers: how many.
        hidden: width of the residual stream.
    """

    layers: int
    hidden: int

    @property
    def modules(self) -> Mapping[str, int]:
        """Matrix → its weights in one layer."""
        raise NotImplementedError

    @property
    def parameters(self) -> int:
        """Weights of all the layers."""
        return self.layers * sum(self.modules.values())


@dataclass(frozen=True)
class Attention(Layers):
    """Grouped-query attention layers."""

    query_heads: int
    kv_heads: int
    head_dim: int

    @property
    def modules(self) -> Mapping[str, int]:
        """The four projections, h·d·(2·q + 2·kv) weights together."""
        query = self.hidden * self.query_heads * self.head_dim
        key = self.hidden * self.kv_heads * self.head_dim
        return {"q_proj": query, "k_proj": key, "v_proj": key, "o_proj": query}

    @property
    def kv_elements_per_token(self) -> int:
        """K and V of one token in all layers: 2·kv·d per layer."""
        return self.layers * 2 * self.kv_heads * self.head_dim

    @property
    def decode_flop_per_token(self) -> int:
        """Of one query per cached token, in all layers: 4·q·d, half for q·k and half for p·v."""
        return 4 * self.layers * self.query_heads * self.head_dim

    @property
    def prefill_flop_per_pair(self) -> int:
        """Of one query with one key and value, in all layers: 4·q·d."""
        return self.decode_flop_per_token

    @property
    def prefill_elements_per_token(self) -> int:
        """Passing DRAM in a prefill beside the cache: Q, K and V are read, the output written."""
        return 2 * self.layers * self.query_heads * self.head_dim + self.kv_elements_per_token

    def on_one_of(self, gpus: int) -> Attention:
        """What one of several GPUs holds: its share of the heads, key and value heads at least once."""
        return replace(
            self,
            query_heads=share("num_attention_heads", self.query_heads, gpus),
            kv_heads=share("num_key_value_heads", self.kv_heads, gpus, at_least_one=True),
        )


@dataclass(frozen=True)
class LatentAttention(Layers):
    """Multi-head latent attention (DeepSeek-AI, "DeepSeek-V2", 2024, section 2.1).

    The cache holds one latent vector and one rotary key per token, for all heads together.

    Attributes:
        heads: query heads.
        query_rank: width of the queries' latent vector; None where queries are projected at once.
        kv_rank: width of the latent vector of keys and values.
        plain_dim: of a head's query and key, without rotary embedding.
        rotary_dim: of a head's query, and of the key that all heads share, with it.
        value_dim: of a head's value.
    """

    heads: int
    query_rank: int | None
    kv_rank: int
    plain_dim: int
    rotary_dim: int
    value_dim: int

    @property
    def modules(self) -> Mapping[str, int]:
        """Projections down to the latent vectors and up from them, and the output's."""
        queries = self.heads * (self.plain_dim + self.rotary_dim)
        if self.query_rank is None:
            into = {"q_proj": self.hidden * queries}
        else:
            into = {"q_a_proj": self.hidden * self.query_rank, "q_b_proj": self.query_rank * queries}
        return {
            **into,
            "kv_a_proj_with_mqa": self.hidden * (self.kv_rank + self.rotary_dim),
            "kv_b_proj": self.kv_rank * self.heads * (self.plain_dim + self.value_dim),
            "o_proj": self.heads * self.value_dim * self.hidden,
        }

    @property
    def kv_elements_per_token(self) -> int:
        """The latent vector and the rotary key of one token in all layers."""
        return self.layers * (self.kv_rank + self.rotary_dim)

    @property
    def decode_flop_per_token(self) -> int:
        """Of one query per cached token, in all layers, on the latent vectors themselves.

        The projections up from them are absorbed in those of query and output ("DeepSeek-V2", appendix C),
        so that a head's q·k has kv_rank + rotary_dim terms and its p·v kv_rank.
        """
        return 2 * self.layers * self.heads * (2 * self.kv_rank + self.rotary_dim)

    @property
    def prefill_flop_per_pair(self) -> int:
        """Of one query with one key and value, in all layers, projected up."""
        return 2 * self.layers * self.heads * (self.plain_dim + self.rotary_dim + self.value_dim)

    @property
    def prefill_elements_per_token(self) -> int:
        """Passing DRAM in a prefill beside the cache: Q, K and V are read, the output written."""
        head = 2 * (self.plain_dim + self.rotary_dim) + 2 * self.value_dim
        return self.layers * self.heads * head

    def on_one_of(self, gpus: int) -> LatentAttention:
        """What one of several GPUs holds: its share of the heads, and all of the latent cache."""
        return replace(self, heads=share("num_attention_heads", self.heads, gpus))


@dataclass(frozen=True)
class Mlp(Layers):
    """Feed-forward layers: two matrices, or three when gated (SwiGLU)."""

    intermediate: int
    gated: bool

    @property
    def modules(self) -> Mapping[str, int]:
        """h·i weights each."""
        names = ("gate_proj", "up_proj", "down_proj") if self.gated else ("up_proj", "down_proj")
        return dict.fromkeys(names, self.hidden * self.intermediate)

    def on_one_of(self, gpus: int) -> Mlp:
        """What one of several GPUs holds: its share of every matrix."""
        return replace(self, intermediate=share("intermediate_size", self.intermediate, gpus))


@dataclass(frozen=True)
class Router(Layers):
    """What chooses the experts of a token: one matrix, on every GPU.

    Attributes:
        outputs: experts, and one more where a shared expert has a gate of its own.
    """

    outputs: int

    @property
    def modules(self) -> Mapping[str, int]:
        """One row per expert."""
        return {"gate": self.hidden * self.outputs}


@dataclass(frozen=True)
class Experts(Layers):
    """Feed-forward layers of which a token passes a few.

    Attributes:
        intermediate: width of one expert.
        gated: three matrices, else two.
        count: experts of a layer.
        chosen: those that a token passes.
    """

    intermediate: int
    gated: bool
    count: int
    chosen: int

    @property
    def modules(self) -> Mapping[str, int]:
        """Matrices of all experts of a layer."""
        one = Mlp(self.layers, self.hidden, self.intermediate, self.gated)
        return {name: self.count * weights for name, weights in one.modules.items()}

    def touched(self, tokens: float) -> float:
        """Experts of a layer that some tokens pass: E·(1 − (1 − k/E)^tokens).

        That is the mean if every token chooses its k of E at random; where a router has favourites they are
        fewer.

        >>> Experts(1, 8, 8, True, count=8, chosen=2).touched(1)
        2.0
        """
        return float(self.count * (1 - (1 - self.chosen / self.count) ** tokens))

    def on_one_of(self, gpus: int) -> Experts:
        """What one of several GPUs holds: its share of every expert."""
        return replace(self, intermediate=share("moe_intermediate_size", self.intermediate, gpus))


@dataclass(frozen=True)
class Mamba2(Layers):
    """Mamba-2 layers (Dao and Gu, "Transformers are SSMs", ICML 2024).

    Attributes:
        heads: of the inner channels.
        head_dim: channels of a head.
        state: elements that each channel keeps (N).
        groups: of heads, which share B and C.
        conv: width of the convolution.
        chunk: tokens that a scan takes at once.
    """

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
    def modules(self) -> Mapping[str, int]:
        """Input projection (z, x, B, C, dt), convolution, output projection; A, D and dt_bias."""
        return {
            "in_proj": self.hidden * (self.inner + self.conv_channels + self.heads),
            "out_proj": self.inner * self.hidden,
            "conv1d": self.conv_channels * (self.conv + 1) + 3 * self.heads,
        }

    @property
    def ssm_elements(self) -> int:
        """The state of one sequence in all layers."""
        return self.layers * self.inner * self.state

    @property
    def conv_elements(self) -> int:
        """The window of the convolution of one sequence in all layers."""
        return self.layers * self.conv_channels * (self.conv - 1)

    def scan_flop(self, tokens: int) -> int:
        """Of one sequence of some tokens in all layers, in chunks (Dao and Gu, section 6).

        Inside a chunk every token meets itself and those before it, as in causal attention: 2·(N·groups +
        inner) FLOP per pair, c·(c+1)/2 pairs per chunk of c tokens. Through the states go 4·N·inner per
        token.
        """
        whole, rest = divmod(tokens, self.chunk)
        pairs = whole * self.chunk * (self.chunk + 1) // 2 + rest * (rest + 1) // 2
        inside = 2 * pairs * (self.state * self.groups + self.inner)
        return self.layers * (inside + tokens * 4 * self.state * self.inner)

    def on_one_of(self, gpus: int) -> Mamba2:
        """What one of several GPUs holds: its share of the heads, groups at least once."""
        return replace(
            self,
            heads=share("mamba_num_heads", self.heads, gpus),
            groups=share("n_groups", self.groups, gpus, at_least_one=True),
        )


def share(key: str, count: int, gpus: int, *, at_least_one: bool = False) -> int:
    """The equal share of one GPU.

    Raises:
        PredictionError: it is no whole number; with `at_least_one` GPUs may hold one in common.
    """
    if count % gpus == 0:
        return count // gpus
    if at_least_one and gpus % count == 0:
        return 1
    raise PredictionError(
        f"tensor_parallel_size {gpus} does not divide {key} {count}",
        "Give a --tensor-parallel-size that does.",
    )
