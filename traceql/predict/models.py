"""Models as far as predictions need them: the dimensions of their layers, and how weights are stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from traceql.errors import PredictionError
from traceql.predict import config as values
from traceql.predict import quantised
from traceql.predict.floors import positive
from traceql.predict.hardware import element_bytes
from traceql.predict.layers import Attention, Experts, LatentAttention, Layers, Mamba2, Mlp, Router

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from traceql.predict.quantised import Format


class Quantised(NamedTuple):
    """Matrices of one name that are stored in a format of their own.

    Attributes:
        part: the part of the model, a key of `Model.parts`; or ``output projection``.
        module: the matrix, a key of the part's modules.
        layers: in how many layers.
        format: how.
    """

    part: str
    module: str
    layers: int
    format: Format


@dataclass(frozen=True)
class Model:
    """The dimensions of a decoder that predictions need.

    Attributes:
        hidden: width of the residual stream.
        vocab: entries of the vocabulary.
        tied: the output projection shares the embedding's weights.
        attention: attention layers; None without.
        mlp: feed-forward layers that every token passes; None without.
        mamba: Mamba-2 layers; None without.
        router: what chooses experts; None without experts.
        shared_experts: experts that every token passes; None without.
        experts: those of which a token passes a few; None without.
        dtype: precision that the configuration names.
        weight_dtype: type of the weights that are not quantised; None where it is that of the arithmetic.
        kv_dtype: type of the KV cache; likewise.
        ssm_dtype: type of Mamba's SSM state: fp32 unless the configuration says otherwise.
        quantised: matrices that are stored in other formats.
        max_tokens: longest sequence that positions are made for; None where nothing is said.
        gpus: GPUs that share the model; more than 1, and all else is what one of them holds.
    """

    hidden: int
    vocab: int
    tied: bool
    attention: Attention | LatentAttention | None
    mlp: Mlp | None
    mamba: Mamba2 | None = None
    router: Router | None = None
    shared_experts: Mlp | None = None
    experts: Experts | None = None
    dtype: str = "bf16"
    weight_dtype: str | None = None
    kv_dtype: str | None = None
    ssm_dtype: str = "fp32"
    quantised: tuple[Quantised, ...] = ()
    max_tokens: int | None = None
    gpus: int = 1

    @property
    def parts(self) -> Mapping[str, Layers]:
        """The layers by the names of their parts in predictions."""
        every = {
            "attention projections": self.attention,
            "feed-forward": self.mlp,
            "router": self.router,
            "shared experts": self.shared_experts,
            "experts": self.experts,
            "mamba projections": self.mamba,
        }
        return {name: part for name, part in every.items() if part}

    @property
    def layer_parameters(self) -> int:
        """Weights of all layers, experts included: all but the embedding and the output projection."""
        return sum(part.parameters for part in self.parts.values())

    @property
    def parameters(self) -> int:
        """All weights, norms and biases left out."""
        return self.layer_parameters + self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def active_parameters(self) -> int:
        """Weights that one token passes: without the experts that it does not choose, and the embedding."""
        idle = 0
        if experts := self.experts:
            idle = experts.parameters - experts.parameters // experts.count * experts.chosen
        return self.layer_parameters - idle + self.vocab * self.hidden

    def stored(self, part: str) -> Mapping[Format | None, int]:
        """Weights of a part (a key of `parts`, or ``output projection``) by format; None: as all else."""
        if part == "output projection":
            modules, layers = {"lm_head": self.vocab * self.hidden}, 1
        else:
            modules, layers = dict(self.parts[part].modules), self.parts[part].layers
        found: dict[Format | None, int] = {None: layers * sum(modules.values())}
        for one in self.quantised:
            if one.part == part:
                weights = one.layers * modules[one.module]
                found[one.format] = found.get(one.format, 0) + weights
                found[None] -= weights
        return {chosen: weights for chosen, weights in found.items() if weights}

    def in_types(
        self, weight_dtype: str | None = None, kv_dtype: str | None = None, ssm_dtype: str | None = None
    ) -> Model:
        """The same model with all weights, its KV cache or its SSM state in other types.

        Weights in a type are no longer quantised as the configuration says, and are multiplied in the
        precision of all else. None changes nothing.

        Raises:
            PredictionError: there is no such type.
        """
        for given in (weight_dtype, kv_dtype, ssm_dtype):
            if given:
                element_bytes(given)
        return replace(
            self,
            weight_dtype=weight_dtype or self.weight_dtype,
            quantised=() if weight_dtype else self.quantised,
            kv_dtype=kv_dtype or self.kv_dtype,
            ssm_dtype=ssm_dtype or self.ssm_dtype,
        )

    def on_one_of(self, gpus: int) -> Model:
        """What one of several GPUs holds with tensor parallelism: equal shares of heads and of widths.

        What cannot be shared is on every GPU: routers, latent vectors of attention, and key and value heads
        if there are fewer of them than GPUs.

        Raises:
            PredictionError: a number of heads or a width is not divisible.
        """
        positive(tensor_parallel_size=gpus)
        if gpus == 1:
            return self
        return replace(
            self,
            gpus=gpus,
            vocab=-(-self.vocab // gpus),
            attention=self.attention and self.attention.on_one_of(gpus),
            mlp=self.mlp and self.mlp.on_one_of(gpus),
            mamba=self.mamba and self.mamba.on_one_of(gpus),
            shared_experts=self.shared_experts and self.shared_experts.on_one_of(gpus),
            experts=self.experts and self.experts.on_one_of(gpus),
        )


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

    Raises:
        PredictionError: a dimension is not positive, or does not divide another as it must.
    """
    positive(hidden=hidden, layers=layers, heads=heads, intermediate=intermediate, vocab=vocab)
    return Model(
        hidden,
        vocab,
        tied,
        _attention(layers, hidden, heads, kv_heads, head_dim),
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
# Those with experts.
_SPARSE = ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "deepseek_v2", "deepseek_v3", "kimi_k2")
_LATENT = ("deepseek_v2", "deepseek_v3", "kimi_k2")
# Layers are looked at one by one, to see which are dense or excluded from quantisation.
_MOST_LAYERS = 100_000
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_intermediate_size")


def from_config(config: Mapping[str, Any]) -> Model:
    """The model that a Hugging Face ``config.json`` describes.

    Known are decoders of Llama's kind, those with experts (Mixtral, Qwen, OLMoE), DeepSeek's with latent
    attention, and NemotronH hybrids; each as its ``quantization_config`` stores it.

    Raises:
        PredictionError: another kind of model; a dimension is missing, is no positive whole number, or does
            not divide another as it must; or the quantisation is not known.
    """
    kind = str(config.get("model_type", "llama"))
    dense = kind in _GATED and not any(config.get(key) for key in _EXPERTS)
    if not dense and kind != "nemotron_h" and kind not in _SPARSE:
        raise PredictionError(
            f"the configuration describes a {kind} model, which is not predicted",
            f"Known are {', '.join(_GATED)} without experts, {', '.join(_SPARSE)} and nemotron_h.",
        )
    if config.get("sliding_window") and config.get("use_sliding_window", True):
        raise PredictionError(
            "the configuration has sliding-window attention, which is not predicted",
            "If the context is shorter than the window, remove sliding_window from the configuration.",
        )
    if dense:
        model, places = _dense(kind, config)
    else:
        model, places = _nemotron_h(config) if kind == "nemotron_h" else _sparse(kind, config)
    model = replace(
        model,
        dtype=values.dtype(config, "dtype", "torch_dtype") or model.dtype,
        kv_dtype=values.dtype(config, "kv_cache_dtype"),
        ssm_dtype=values.dtype(config, "mamba_ssm_cache_dtype") or model.ssm_dtype,
        max_tokens=values.optional(config, "max_position_embeddings"),
    )
    section = values.section(config, "quantization_config")
    return _quantised(model, places, quantised.from_config(section)) if section else model


class _Place(NamedTuple):
    """Where the layers of a part are in the model: their numbers, and the path to their matrices."""

    layers: Sequence[int]
    path: str


def _quantised(model: Model, places: Mapping[str, _Place], quantisation: quantised.Quantisation) -> Model:
    found: list[Quantised] = []
    for part, place in places.items():
        if part == "router":
            continue
        for module in model.parts[part].modules:
            if module == "conv1d":
                continue
            counts: dict[Format, int] = {}
            for layer in place.layers:
                prefix = place.path.format(layer)
                chosen = quantisation.format_of(f"{prefix}.{name}" for name in _names(module))
                if chosen:
                    counts[chosen] = counts.get(chosen, 0) + 1
            found += [Quantised(part, module, count, chosen) for chosen, count in counts.items()]
    whole = None if model.tied else quantisation.format_of(["lm_head"])
    if whole:
        found.append(Quantised("output projection", "lm_head", 1, whole))
    return replace(model, quantised=tuple(found), kv_dtype=model.kv_dtype or quantisation.kv_dtype)


# Names that implementations give the same matrices: fused ones, and Mixtral's.
_ALIASES = {
    "q_proj": ("qkv_proj",),
    "k_proj": ("qkv_proj",),
    "v_proj": ("qkv_proj",),
    "gate_proj": ("gate_up_proj", "w1"),
    "up_proj": ("gate_up_proj", "w3"),
    "down_proj": ("w2",),
    "q_a_proj": ("fused_qkv_a_proj",),
    "kv_a_proj_with_mqa": ("fused_qkv_a_proj",),
}


def _names(module: str) -> Iterable[str]:
    return (module, *_ALIASES.get(module, ()))


def _attention(layers: int, hidden: int, heads: int, kv_heads: int | None, head_dim: int | None) -> Attention:
    if head_dim is None and hidden % heads:
        raise PredictionError(
            f"num_attention_heads {heads} does not divide hidden_size {hidden}, and there is no head_dim",
            "Correct one of them, or give the width of a head.",
        )
    kv_heads = kv_heads or heads
    if heads % kv_heads:
        raise PredictionError(
            f"num_key_value_heads {kv_heads} does not divide num_attention_heads {heads}",
            "Every key and value head serves equally many query heads.",
        )
    return Attention(layers, hidden, heads, kv_heads, head_dim or hidden // heads)


def _attention_of(config: Mapping[str, Any], layers: int) -> Attention:
    return _attention(
        layers,
        values.dimension(config, "hidden_size"),
        values.dimension(config, "num_attention_heads"),
        values.optional(config, "num_key_value_heads"),
        values.optional(config, "head_dim", "attention_head_dim"),
    )


def _dense(kind: str, config: Mapping[str, Any]) -> tuple[Model, Mapping[str, _Place]]:
    hidden = values.dimension(config, "hidden_size")
    layers = values.dimension(config, "num_hidden_layers", most=_MOST_LAYERS)
    model = Model(
        hidden,
        values.dimension(config, "vocab_size"),
        values.flag(config, "tie_word_embeddings", default=_GATED[kind]),
        _attention_of(config, layers),
        Mlp(layers, hidden, values.dimension(config, "intermediate_size"), gated=True),
    )
    return model, {
        "attention projections": _Place(range(layers), "model.layers.{}.self_attn"),
        "feed-forward": _Place(range(layers), "model.layers.{}.mlp"),
    }


def _sparse(kind: str, config: Mapping[str, Any]) -> tuple[Model, Mapping[str, _Place]]:
    hidden = values.dimension(config, "hidden_size")
    layers = values.dimension(config, "num_hidden_layers", most=_MOST_LAYERS)
    sparse = _sparse_layers(kind, config, layers)
    dense = [layer for layer in range(layers) if layer not in set(sparse)]
    in_layer = "model.layers.{}.block_sparse_moe" if kind == "mixtral" else "model.layers.{}.mlp"
    attention = _latent_attention(config, layers) if kind in _LATENT else _attention_of(config, layers)
    # Mixtral's and OLMoE's experts have the width that others give their dense layers.
    width = "intermediate_size" if kind in ("mixtral", "olmoe") else "moe_intermediate_size"
    experts = _experts(config, len(sparse), values.dimension(config, width), gated=True)
    model = Model(
        hidden,
        values.dimension(config, "vocab_size"),
        values.flag(config, "tie_word_embeddings", default=False),
        attention,
        Mlp(len(dense), hidden, values.dimension(config, "intermediate_size"), gated=True) if dense else None,
    )
    shared = _shared_width(kind, config)
    if experts:
        model = replace(
            model,
            # A shared expert of Qwen has a gate of its own.
            router=Router(experts.layers, hidden, experts.count + (kind == "qwen2_moe" and shared > 0)),
            shared_experts=Mlp(experts.layers, hidden, shared, gated=True) if shared else None,
            experts=experts,
        )
    places = {
        "attention projections": _Place(range(layers), "model.layers.{}.self_attn"),
        "feed-forward": _Place(dense, "model.layers.{}.mlp"),
        "shared experts": _Place(
            sparse, f"{in_layer}.{'shared_expert' if kind == 'qwen2_moe' else 'shared_experts'}"
        ),
        "experts": _Place(sparse, f"{in_layer}.experts.0"),
    }
    return model, {part: place for part, place in places.items() if part in model.parts}


def _sparse_layers(kind: str, config: Mapping[str, Any], layers: int) -> list[int]:
    """Numbers of the layers with experts."""
    if kind in _LATENT:
        first = values.dimension(config, "first_k_dense_replace", default=0, least=0)
        every = values.dimension(config, "moe_layer_freq", default=1)
        return [layer for layer in range(layers) if layer >= first and layer % every == 0]
    if kind in ("qwen2_moe", "qwen3_moe"):
        every = values.dimension(config, "decoder_sparse_step", default=1)
        dense = config.get("mlp_only_layers") or ()
        if not isinstance(dense, list | tuple):
            raise PredictionError(
                f"the configuration's mlp_only_layers is {dense!r}, not a list",
                "Is it a model's config.json?",
            )
        return [layer for layer in range(layers) if layer not in dense and (layer + 1) % every == 0]
    return list(range(layers))


def _experts(config: Mapping[str, Any], layers: int, intermediate: int, *, gated: bool) -> Experts | None:
    count = values.dimension(config, "n_routed_experts", "num_local_experts", "num_experts")
    chosen = values.dimension(config, "num_experts_per_tok")
    if chosen > count:
        raise PredictionError(
            f"num_experts_per_tok {chosen} is more than there are experts, {count}",
            "Is it a model's config.json?",
        )
    hidden = values.dimension(config, "hidden_size")
    return Experts(layers, hidden, intermediate, gated, count, chosen) if layers else None


def _shared_width(kind: str, config: Mapping[str, Any]) -> int:
    """Width of all shared experts of a layer together; 0 without."""
    if kind == "qwen2_moe":
        return values.dimension(config, "shared_expert_intermediate_size", default=0, least=0)
    if kind in _LATENT:
        count = values.dimension(config, "n_shared_experts", default=0, least=0)
        return count * values.dimension(config, "moe_intermediate_size")
    return 0


def _latent_attention(config: Mapping[str, Any], layers: int) -> LatentAttention:
    return LatentAttention(
        layers,
        values.dimension(config, "hidden_size"),
        values.dimension(config, "num_attention_heads"),
        values.optional(config, "q_lora_rank"),
        values.dimension(config, "kv_lora_rank"),
        values.dimension(config, "qk_nope_head_dim"),
        values.dimension(config, "qk_rope_head_dim"),
        values.dimension(config, "v_head_dim"),
    )


def _nemotron_h(config: Mapping[str, Any]) -> tuple[Model, Mapping[str, _Place]]:
    pattern = _pattern(config)
    if not pattern or set(pattern) - set("M-*E"):
        raise PredictionError(
            f"hybrid_override_pattern is {pattern!r}",
            "Expected one letter per layer: M (Mamba-2), - (feed-forward), * (attention) or E (experts).",
        )
    if config.get("moe_latent_size"):
        raise PredictionError(
            "the configuration has experts behind a projection (moe_latent_size), which is not predicted",
            "Known are NemotronH models whose experts have the model's width.",
        )
    hidden = values.dimension(config, "hidden_size")
    numbers = {letter: [i for i, one in enumerate(pattern) if one == letter] for letter in "M-*E"}
    mamba, mlp, attention, sparse = (len(numbers[letter]) for letter in "M-*E")
    model = Model(
        hidden,
        values.dimension(config, "vocab_size"),
        values.flag(config, "tie_word_embeddings", default=False),
        _attention_of(config, attention) if attention else None,
        Mlp(mlp, hidden, values.dimension(config, "intermediate_size"), gated=False) if mlp else None,
        _mamba(config, mamba) if mamba else None,
    )
    if sparse:
        width = values.dimension(config, "moe_intermediate_size")
        experts = _experts(config, sparse, width, gated=False)
        shared = values.dimension(config, "n_shared_experts", default=0, least=0)
        if shared:
            shared *= values.dimension(config, "moe_shared_expert_intermediate_size", default=width)
        model = replace(
            model,
            router=Router(sparse, hidden, experts.count) if experts else None,
            shared_experts=Mlp(sparse, hidden, shared, gated=False) if shared else None,
            experts=experts,
        )
    mixer = "backbone.layers.{}.mixer"
    places = {
        "attention projections": _Place(numbers["*"], mixer),
        "feed-forward": _Place(numbers["-"], mixer),
        "shared experts": _Place(numbers["E"], f"{mixer}.shared_experts"),
        "experts": _Place(numbers["E"], f"{mixer}.experts.0"),
        "mamba projections": _Place(numbers["M"], mixer),
    }
    return model, {part: place for part, place in places.items() if part in model.parts}


def _pattern(config: Mapping[str, Any]) -> str:
    """One letter per layer; later configurations list words instead."""
    kinds = config.get("layers_block_type")
    if "hybrid_override_pattern" in config or not isinstance(kinds, list):
        return str(config.get("hybrid_override_pattern", ""))
    letters = {"mamba": "M", "mlp": "-", "attention": "*", "moe": "E"}
    return "".join(letters.get(str(kind), "?") for kind in kinds)


def _mamba(config: Mapping[str, Any], layers: int) -> Mamba2:
    heads = values.dimension(config, "mamba_num_heads")
    groups = values.dimension(config, "n_groups", "mamba_n_groups")
    if heads % groups:
        raise PredictionError(
            f"n_groups {groups} does not divide mamba_num_heads {heads}",
            "Every group serves equally many heads.",
        )
    return Mamba2(
        layers,
        values.dimension(config, "hidden_size"),
        heads,
        values.dimension(config, "mamba_head_dim"),
        values.dimension(config, "ssm_state_size"),
        groups,
        values.dimension(config, "conv_kernel", "mamba_d_conv"),
        values.dimension(config, "chunk_size", "mamba_chunk_size"),
    )
