"""What the collectors say about a model's weights and how much cache they ask for, from models made here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from collectors import engine, ranks


def model(**parameters: tuple[int, int, bool]) -> Any:
    """Parameters by name, with _ for the dots: how many, bytes of each, whether they are floating point."""

    def parameter(count: int, size: int, floating: bool) -> Any:
        return SimpleNamespace(
            numel=lambda: count,
            element_size=lambda: size,
            dtype=SimpleNamespace(is_floating_point=floating),
        )

    named = {name.replace("__", "."): parameter(*facts) for name, facts in parameters.items()}
    return SimpleNamespace(named_parameters=named.items)


EXPERTS = model(
    model__embed_tokens__weight=(1000, 2, True),
    model__layers__0__mlp__experts__w13_weight=(8 * 600, 2, True),
    model__layers__0__mlp__shared_experts__up_proj__weight=(50, 2, True),
    model__layers__0__attn__qkv_proj__weight=(300, 2, True),
    lm_head__weight=(1000, 2, True),
)
PACKED = model(
    model__embed_tokens__weight=(1000, 2, True),
    model__layers__0__mlp__qweight=(100, 4, False),
    model__layers__0__mlp__scales=(10, 2, True),
)


@pytest.mark.parametrize("key", ["num_experts", "num_local_experts", "n_routed_experts"])
def test_of_experts_those_count_that_a_token_meets(key: str) -> None:
    tags = engine.weight_tags(ranks.weights(EXPERTS), {key: 8, "num_experts_per_tok": 2})
    # 2 of 8 experts of 600, the shared one, and attention; what a step reads depends on its batch.
    assert tags == {"flop_per_token": str(2 * (2 * 600 + 50 + 300))}


def test_without_the_number_of_chosen_experts_nothing_is_said() -> None:
    assert engine.weight_tags(ranks.weights(EXPERTS), {"num_experts": 8}) == {}


def test_packed_weights_have_bytes_but_no_number() -> None:
    assert engine.weight_tags(ranks.weights(PACKED), {}) == {"weight_bytes": "420"}
    tied = engine.weight_tags(ranks.weights(PACKED), {"text_config": {"tie_word_embeddings": True}})
    assert tied == {"weight_bytes": "2420"}


@pytest.mark.parametrize(
    "config",
    [
        {"hybrid_override_pattern": "M-*", "num_attention_heads": 8, "head_dim": 64, "num_hidden_layers": 3},
        # Qwen3-Next, with and without a list of its layers.
        {"linear_num_key_heads": 16, "num_attention_heads": 16, "head_dim": 256, "num_hidden_layers": 48},
        {"layer_types": ["linear_attention", "full_attention"], "num_attention_heads": 16, "head_dim": 256},
        {"model_type": "of names that nobody knows"},
    ],
)
def test_what_keeps_other_states_or_says_nothing_is_left_to_vllm(config: dict[str, Any]) -> None:
    assert engine.kv_cache(config, sequences=4, tokens=128) == {}


def test_a_language_model_inside_another_has_its_own_sizes() -> None:
    inside = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 64}
    inside["layer_types"] = ["sliding_attention", "full_attention"]  # type: ignore[assignment]
    outside = {"num_attention_heads": 99, "hidden_size": 99, "text_config": inside}
    assert engine.kv_cache(outside, sequences=1, tokens=16) == engine.kv_cache(inside, sequences=1, tokens=16)
    # Keys and values of 64 numbers of 2 bytes, 2 layers, 2 blocks of 16 tokens and 4 more.
    assert engine.kv_cache(inside, 1, 16) == {"kv_cache_memory_bytes": 2 * 64 * 2 * 2 * 16 * 6}
