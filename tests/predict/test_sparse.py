"""Models with experts and with latent attention: published counts, and cases that can be computed by hand."""

from __future__ import annotations

import itertools
import math

import published
import pytest

from traceql.errors import PredictionError
from traceql.predict import architectures, floors, serving
from traceql.predict.hardware import find
from traceql.predict.layers import Experts, LatentAttention

H200 = find("H200")
MIXTRAL = architectures.from_config(published.MIXTRAL)
DEEPSEEK = architectures.from_config(published.DEEPSEEK_V3)
NEMOTRON = architectures.from_config(published.NEMOTRON_3_NANO_30B)


def parts(steps: tuple[floors.Step, ...]) -> dict[str, floors.Step]:
    found = {step.part: step for step in steps}
    assert len(found) == len(steps)
    return found


@pytest.mark.parametrize(("config", "counted", "norms"), published.EXACT, ids=lambda value: str(value)[:40])
def test_models_have_as_many_weights_as_their_files(
    config: dict[str, object], counted: int, norms: int
) -> None:
    assert architectures.from_config(config).parameters == counted - norms


@pytest.mark.parametrize(
    ("config", "billions", "active"), published.PRINTED, ids=lambda value: str(value)[:40]
)
def test_models_have_as_many_weights_as_their_cards_print(
    config: dict[str, object], billions: float, active: float
) -> None:
    model = architectures.from_config(config)
    assert math.isclose(model.parameters / 1e9, billions, rel_tol=0.002)
    # Weights that one token passes: without the experts that it does not choose.
    idle = 0
    if experts := model.experts:
        idle = experts.parameters - experts.parameters // experts.count * experts.chosen
    table = model.vocab * model.hidden
    # Cards count the embedding, or they do not.
    counted = [(model.layer_parameters - idle + tables * table) / 1e9 for tables in (1, 2)]
    closest = min(counted, key=lambda found: abs(found - active))
    assert math.isclose(closest, active, rel_tol=0.03)


@pytest.mark.parametrize(
    ("count", "chosen", "tokens"), [(4, 2, 1), (4, 2, 2), (5, 1, 3), (4, 3, 3), (3, 3, 2)]
)
def test_tokens_touch_as_many_experts_as_all_their_choices_do_on_average(
    count: int, chosen: int, tokens: int
) -> None:
    choices = list(itertools.combinations(range(count), chosen))
    touched = [len(set().union(*each)) for each in itertools.product(choices, repeat=tokens)]
    experts = Experts(1, 8, 8, True, count, chosen)
    assert math.isclose(experts.touched(tokens), sum(touched) / len(touched))


def test_a_token_reads_its_own_experts_and_many_tokens_read_all() -> None:
    expert = 3 * 4096 * 14336
    one = parts(serving.decode(MIXTRAL, H200, batch=1))["experts"]
    assert one.dram_bytes == 2 * 32 * 2 * expert
    assert one.flop == 2 * 32 * 2 * expert
    # Of eight experts two tokens touch 8·(1 − (3/4)²) = 3.5.
    two = parts(serving.decode(MIXTRAL, H200, batch=2))["experts"]
    assert two.dram_bytes == 2 * 32 * 3.5 * expert
    assert two.flop == 2 * one.flop
    many = parts(serving.decode(MIXTRAL, H200, batch=4096))["experts"]
    assert many.dram_bytes == 2 * 32 * 8 * expert
    # Each of the eight sees a quarter of the rows.
    assert many.ridge_batch == 4 * H200.ridge_flop_per_byte("bf16")


def test_no_more_layers_are_dense_than_there_are() -> None:
    layers = published.DEEPSEEK_V3["num_hidden_layers"]
    whole = architectures.from_config({**published.DEEPSEEK_V3, "first_k_dense_replace": layers})
    assert whole.mlp is not None and whole.mlp.layers == layers and whole.experts is None
    with pytest.raises(
        PredictionError, match="first_k_dense_replace as a whole number from 0 to 61: it is 99"
    ):
        architectures.from_config({**published.DEEPSEEK_V3, "first_k_dense_replace": 99})


def test_a_prompt_passes_experts_with_all_its_tokens() -> None:
    found = parts(serving.prefill(MIXTRAL, H200, tokens=1000, batch=3))
    assert found["experts"].flop == 2 * 3000 * 32 * 2 * 3 * 4096 * 14336
    assert found["router"].flop == 2 * 3000 * 32 * 4096 * 8
    assert "feed-forward" not in found


def test_dense_layers_shared_experts_and_experts_are_apart() -> None:
    found = parts(serving.decode(DEEPSEEK, H200, batch=1))
    assert found["feed-forward"].flop == 2 * 3 * 3 * 7168 * 18432
    assert found["shared experts"].flop == 2 * 58 * 3 * 7168 * 2048
    assert found["experts"].flop == 2 * 58 * 8 * 3 * 7168 * 2048
    # In fp8, but for the routers and the ends of the model.
    assert found["experts"].dram_bytes == 58 * 8 * 3 * 7168 * 2048
    assert (found["experts"].precision, found["router"].precision) == ("fp8", "bf16")
    assert found["router"].dram_bytes == 2 * 58 * 7168 * 256
    assert found["output projection"].dram_bytes == 2 * 129_280 * 7168


def test_latent_attention_keeps_576_numbers_per_token_and_layer() -> None:
    assert isinstance(DEEPSEEK.attention, LatentAttention)
    assert DEEPSEEK.attention.kv_elements_per_token == 61 * 576
    found = parts(serving.decode(DEEPSEEK, H200, batch=4, context=999))["attention over the KV cache"]
    assert found.dram_bytes == 4 * 1000 * 61 * 576 * 2
    # 128 heads, q·k over 576 numbers and p·v over 512.
    assert found.flop == 4 * 1000 * 61 * 128 * 2 * (576 + 512)
    # A prefill projects keys of 192 and values of 128 up.
    prefill = parts(serving.prefill(DEEPSEEK, H200, tokens=1000))["attention"]
    assert prefill.flop == 61 * 128 * (192 + 128) * 1000 * 1001
    assert prefill.dram_bytes == 2 * 1000 * 61 * (128 * 2 * (192 + 128) + 576)


def test_queries_are_projected_at_once_where_there_is_no_rank() -> None:
    lite = architectures.from_config(published.DEEPSEEK_V2_LITE).attention
    assert lite is not None
    assert lite.modules == {
        "q_proj": 2048 * 16 * 192,
        "kv_a_proj_with_mqa": 2048 * 576,
        "kv_b_proj": 512 * 16 * 256,
        "o_proj": 16 * 128 * 2048,
    }


def test_a_hybrid_with_experts_adds_up() -> None:
    assert NEMOTRON.experts is not None
    assert NEMOTRON.shared_experts is not None
    assert (NEMOTRON.experts.layers, NEMOTRON.experts.count, NEMOTRON.experts.gated) == (23, 128, False)
    assert NEMOTRON.shared_experts.intermediate == 3712
    *single, whole = serving.decode(NEMOTRON, H200, batch=8, context=100)
    assert whole.flop == sum(step.flop for step in single)
    assert [step.part for step in single] == [
        "embedding",
        "attention projections",
        "router",
        "shared experts",
        "experts",
        "mamba projections",
        "attention over the KV cache",
        "mamba state",
        "output projection",
    ]


def test_layers_may_be_listed_by_their_kinds() -> None:
    letters = {"M": "mamba", "E": "moe", "*": "attention", "-": "mlp"}
    pattern = str(published.NEMOTRON_3_NANO_30B["hybrid_override_pattern"])
    listed: dict[str, object] = {**published.NEMOTRON_3_NANO_30B}
    del listed["hybrid_override_pattern"]
    assert (
        architectures.from_config({**listed, "layers_block_type": [letters[one] for one in pattern]})
        == NEMOTRON
    )


def test_which_layers_have_experts_is_as_configured() -> None:
    def layers(config: dict[str, object], **changes: object) -> tuple[int, int]:
        model = architectures.from_config({**config, **changes})
        return model.mlp.layers if model.mlp else 0, model.experts.layers if model.experts else 0

    assert layers(published.QWEN3_30B) == (0, 48)
    assert layers(published.QWEN3_30B, decoder_sparse_step=2) == (24, 24)
    assert layers(published.QWEN3_30B, mlp_only_layers=[0, 47]) == (2, 46)
    assert layers(published.QWEN3_30B, mlp_only_layers=list(range(48))) == (48, 0)
    assert layers(published.DEEPSEEK_V3) == (3, 58)
    assert layers(published.DEEPSEEK_V3, first_k_dense_replace=0, moe_layer_freq=2) == (30, 31)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"num_experts_per_tok": 9}, "num_experts_per_tok 9 is more than there are experts, 8"),
        ({"num_experts_per_tok": None}, "gives no num_experts_per_tok"),
        ({"num_local_experts": -8}, "gives no num_local_experts as a positive whole number: it is -8"),
    ],
)
def test_experts_that_cannot_be_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(PredictionError, match=problem):
        architectures.from_config({**published.MIXTRAL, **changes})
