"""Models from a configuration (config.json) or from dimensions: which layers they have, and stored how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from traceql.errors import PredictionError
from traceql.predict import config as values
from traceql.predict import quantised
from traceql.predict.floors import positive
from traceql.predict.layers import Attention, Experts, LatentAttention, Mamba2, Mlp, Router
from traceql.predict.models import Model, Quantised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from traceql.predict.quantised import Format


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
    slides = config.get("sliding_window") and values.flag(config, "use_sliding_window", default=True)
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
        window=values.optional(config, "sliding_window") if slides else None,
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
        first = values.dimension(config, "first_k_dense_replace", default=0, least=0, most=layers)
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
