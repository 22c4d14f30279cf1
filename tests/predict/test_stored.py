"""How weights, caches and states are stored, and by how many GPUs: cases that can be computed by hand."""

from __future__ import annotations

import math
from typing import Any

import published
import pytest

from traceql.errors import PredictionError
from traceql.predict import architectures, floors, models, serving
from traceql.predict.hardware import find

H200 = find("H200")
A100 = find("A100 SXM 80GB")
FEED_FORWARD = 32 * 3 * 4096 * 14336
HEAD = 128256 * 4096


def quantised(config: dict[str, Any], **changes: object) -> models.Model:
    return architectures.from_config({**published.LLAMA, **changes, "quantization_config": config})


def parts(steps: tuple[floors.Step, ...]) -> dict[str, floors.Step]:
    found = {step.part: step for step in steps}
    assert len(found) == len(steps)
    return found


# --- which formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "bytes_per_weight", "precision"),
    [
        ({"quant_method": "fp8", "fmt": "e4m3"}, 1, "fp8"),
        ({"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0}, 1, "fp8"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, 0.5, "bf16"),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 128}, 0.5, "bf16"),
        ({"quant_method": "gptq", "bits": 8}, 1, "bf16"),
        ({"quant_method": "gptq", "bits": 3}, 0.375, "bf16"),
        ({"load_in_4bit": True, "quant_method": "bitsandbytes"}, 0.5, "bf16"),
        ({"load_in_8bit": True, "load_in_4bit": False}, 1, "int8"),
        ({"quant_method": "mxfp4"}, 0.5, "bf16"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, 1, "fp8"),
        ({"quant_algo": "W4A16_AWQ"}, 0.5, "bf16"),
        ({"quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": None}}, 1, "fp8"),
        (
            {
                "quant_method": "compressed-tensors",
                "ignore": ["lm_head"],
                "config_groups": {
                    "group_0": {
                        "targets": ["Linear"],
                        "weights": {"num_bits": 8, "type": "int"},
                        "input_activations": {"num_bits": 8, "type": "int"},
                    }
                },
            },
            1,
            "int8",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "ignore": ["lm_head"],
                "config_groups": {
                    "group_0": {
                        "targets": ["Linear"],
                        "weights": {"num_bits": 4, "type": "int", "group_size": 128},
                        "input_activations": None,
                    }
                },
            },
            0.5,
            "bf16",
        ),
    ],
)
def test_quantised_layers_have_the_bytes_and_the_arithmetic_of_their_method(
    config: dict[str, Any], bytes_per_weight: float, precision: str
) -> None:
    found = parts(serving.decode(quantised(config), H200, batch=2))
    step = found["feed-forward"]
    assert step.dram_bytes == FEED_FORWARD * bytes_per_weight
    assert step.flop == 2 * 2 * FEED_FORWARD
    assert step.precision == precision
    assert step.ridge_batch == H200.ridge_flop_per_byte(precision) * bytes_per_weight / 2
    # What is not quantised: embedding, output projection, KV cache.
    assert found["embedding"].dram_bytes == 2 * 2 * 4096
    assert found["output projection"].dram_bytes == 2 * HEAD
    assert found["attention over the KV cache"].dram_bytes == 2 * 2 * 131_072


def test_a_gpu_without_a_peak_in_their_precision_unpacks_the_weights() -> None:
    step = parts(serving.decode(quantised({"quant_method": "fp8"}), A100))["feed-forward"]
    assert (step.dram_bytes, step.precision) == (FEED_FORWARD, "bf16")


def test_the_ridge_in_rows_is_flop_per_byte_times_bytes_per_weight_by_two() -> None:
    assert round(H200.ridge_flop_per_byte("fp8")) == 412
    for precision, weight_dtype, rows in (("bf16", None, 206), ("fp8", None, 206), ("bf16", "int4", 51)):
        below = serving.decode_weights(8e9, H200, precision, rows, weight_dtype=weight_dtype)
        above = serving.decode_weights(8e9, H200, precision, rows + 1, weight_dtype=weight_dtype)
        assert (below.bound, above.bound) == ("memory", "compute")
        assert below.ridge_batch is not None
        assert rows < below.ridge_batch < rows + 1


# --- which matrices -------------------------------------------------------------------------------------

SMALL = {
    "model_type": "llama",
    "hidden_size": 8,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 16,
    "vocab_size": 100,
}
# One layer: q and o of 64, k and v of 32 weights; gate, up and down of 128.
ATTENTION, MLP = 192, 384


@pytest.mark.parametrize(
    ("excluded", "weights"),
    [
        ([], 4 * (ATTENTION + MLP)),
        (["lm_head"], 4 * (ATTENTION + MLP)),
        (["model.layers.0.mlp.down_proj"], 4 * (ATTENTION + MLP) - 128),
        (["model.layers.1"], 3 * (ATTENTION + MLP)),
        (["layers.1"], 3 * (ATTENTION + MLP)),
        (["self_attn"], 4 * MLP),
        (["model.layers.*.self_attn"], 4 * MLP),
        (["model.layers.*.self_attn*"], 4 * MLP),
        (["*.k_proj", "*.v_proj"], 4 * (ATTENTION + MLP) - 4 * 64),
        (["re:.*layers.[02].mlp.*"], 4 * ATTENTION + 2 * MLP),
        (["qkv_proj"], 4 * (64 + MLP)),
        (["gate_up_proj"], 4 * (ATTENTION + 128)),
        # No part of a path: neither the gate_proj of layers nor layer 10 are meant.
        (["gate", "model.layers.10"], 4 * (ATTENTION + MLP)),
    ],
)
@pytest.mark.parametrize(
    ("key", "method"),
    [
        ("modules_to_not_convert", {"quant_method": "fp8"}),
        ("ignored_layers", {"quant_method": "fp8"}),
        ("llm_int8_skip_modules", {"quant_method": "bitsandbytes", "load_in_8bit": True}),
        ("exclude_modules", {"quant_method": "modelopt", "quant_algo": "FP8"}),
        ("ignore", {"quant_method": "modelopt", "quant_algo": "FP8"}),
    ],
)
def test_excluded_matrices_stay_as_they_are(
    key: str, method: dict[str, Any], excluded: list[str], weights: int
) -> None:
    model = architectures.from_config({**SMALL, "quantization_config": {**method, key: excluded}})
    stored = [model.stored(part) for part in (*model.parts, "output projection")]
    eight_bits = sum(n for one in stored for chosen, n in one.items() if chosen and chosen.bits == 8)
    others = sum(n for one in stored for chosen, n in one.items() if chosen is None)
    assert (eight_bits, others) == (weights, model.parameters - 800 - weights)


def test_what_is_partly_quantised_has_a_row_for_each_format() -> None:
    config = {"quant_method": "fp8", "modules_to_not_convert": ["model.layers.0.mlp"]}
    found = parts(serving.decode(quantised(config), H200))
    assert found["feed-forward"].dram_bytes == FEED_FORWARD * 31 / 32
    assert found["feed-forward, not quantised"].dram_bytes == 2 * FEED_FORWARD / 32
    mixed = {
        "quant_method": "modelopt",
        "quant_algo": "MIXED_PRECISION",
        "quantized_layers": {
            **{f"model.layers.{layer}.mlp": {"quant_algo": "NVFP4", "group_size": 16} for layer in range(8)},
            **{f"model.layers.{layer}": {"quant_algo": "FP8"} for layer in range(32)},
        },
    }
    found = parts(serving.decode(quantised(mixed), H200))
    assert found["feed-forward, 4 bits"].dram_bytes == FEED_FORWARD * 8 / 32 / 2
    assert found["feed-forward, 8 bits"].dram_bytes == FEED_FORWARD * 24 / 32
    assert found["attention projections"].precision == "fp8"


def test_rules_of_gptq_change_bits_or_exclude() -> None:
    config = {
        "quant_method": "gptq",
        "bits": 4,
        "dynamic": {r"-:.*\.o_proj": {}, r"+:.*\.layers\.0\..*": {"bits": 8}},
    }
    model = architectures.from_config({**SMALL, "quantization_config": config})
    bits = {
        chosen and chosen.bits: weights for chosen, weights in model.stored("attention projections").items()
    }
    assert bits == {None: 4 * 64, 8: 128, 4: 3 * 128}
    assert [chosen and chosen.bits for chosen in model.stored("output projection")] == [None]


@pytest.mark.parametrize(
    ("config", "tied", "bits"),
    [
        ({"quant_method": "gptq", "bits": 4, "lm_head": True}, False, 4),
        ({"quant_method": "gptq", "bits": 4, "lm_head": True}, True, None),
        ({"quant_method": "gptq", "bits": 4, "lm_head": False}, False, None),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"a": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float"}}},
            },
            False,
            8,
        ),
    ],
)
def test_the_output_projection_is_quantised_where_the_configuration_says_so(
    config: dict[str, Any], tied: bool, bits: int | None
) -> None:
    model = architectures.from_config({**SMALL, "tie_word_embeddings": tied, "quantization_config": config})
    assert [chosen and chosen.bits for chosen in model.stored("output projection")] == [bits]


def test_routers_and_convolutions_are_never_quantised() -> None:
    model = architectures.from_config(
        {
            **published.NEMOTRON_3_NANO_30B,
            "quantization_config": {"quant_algo": "NVFP4", "ignore": ["lm_head"]},
        }
    )
    assert list(model.stored("router")) == [None]
    per_layer = {chosen and chosen.bits: n / 23 for chosen, n in model.stored("mamba projections").items()}
    assert per_layer == {None: 6144 * 5 + 3 * 64, 4: 2688 * (4096 + 6144 + 64) + 4096 * 2688}
    assert {chosen and chosen.bits for chosen in model.stored("experts")} == {4}


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"quant_method": "aqlm"}, "quant_method 'aqlm' is not known"),
        ({"quant_method": 8}, "quant_method is 8"),
        ({"bits": 4}, "quant_method is None"),
        ({"quant_method": "awq", "bits": "4"}, "gives no bits as a positive whole number: it is '4'"),
        ({"quant_method": "awq", "bits": 128}, "bits is 128"),
        ({"quant_method": "gptq"}, "gives no bits"),
        ({"quant_method": "modelopt", "quant_algo": "FP7"}, "quant_algo 'FP7' is not known"),
        ({"quant_method": "bitsandbytes"}, "neither load_in_4bit nor load_in_8bit"),
        ({"quant_method": "fp8", "ignored_layers": "lm_head"}, "ignored_layers is 'lm_head', not a list"),
        ({"quant_method": "fp8", "ignored_layers": ["re:("]}, "no regular expression"),
        ("fp8", "quantization_config is 'fp8', not an object"),
    ],
)
def test_a_quantisation_that_is_not_known_is_refused(config: Any, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem):
        quantised(config)


# --- types of the cache, the state, and of all weights --------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "quantisation", "bytes_per_number"),
    [
        ({}, {}, 2),
        ({"kv_cache_dtype": "auto"}, {}, 2),
        ({"kv_cache_dtype": "fp8_e4m3"}, {}, 1),
        ({"kv_cache_dtype": "float32"}, {}, 4),
        ({}, {"quant_method": "fp8"}, 2),
        ({}, {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"}, 1),
        ({}, {"quant_algo": "NVFP4", "kv_cache_quant_algo": "NVFP4"}, 0.5),
        ({}, {"quant_algo": "FP8", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}, 1),
        ({"kv_cache_dtype": "bfloat16"}, {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"}, 2),
    ],
)
def test_the_kv_cache_has_the_type_that_the_configuration_says(
    changes: dict[str, object], quantisation: dict[str, Any], bytes_per_number: float
) -> None:
    model = architectures.from_config(
        {**published.LLAMA, **changes, "quantization_config": quantisation or None}
    )
    found = parts(serving.decode(model, H200, context=99))["attention over the KV cache"]
    assert found.dram_bytes == 100 * 65_536 * bytes_per_number
    prefill = parts(serving.prefill(model, H200, tokens=100))["attention"]
    # Q, K, V and the output are in the model's precision whatever the cache is.
    assert prefill.dram_bytes == 100 * (32 * 2 * 4096 * 2 + 65_536 * 2 + 65_536 * bytes_per_number)
    other = parts(serving.decode(model.in_types(kv_dtype="fp32"), H200, context=99))
    assert other["attention over the KV cache"].dram_bytes == 100 * 65_536 * 4


@pytest.mark.parametrize(("said", "width"), [(None, 4), ("float32", 4), ("bfloat16", 2), ("float16", 2)])
def test_mambas_state_has_the_type_that_the_configuration_says(said: str | None, width: int) -> None:
    model = architectures.from_config({**published.NEMOTRON_3_NANO_30B, "mamba_ssm_cache_dtype": said})
    found = parts(serving.decode(model, H200, batch=3))["mamba state"]
    assert found.dram_bytes == 2 * 3 * 23 * (64 * 64 * 128 * width + 3 * 6144 * 2)
    changed = parts(serving.decode(model.in_types(ssm_dtype="fp8"), H200, batch=3))["mamba state"]
    assert changed.dram_bytes == 2 * 3 * 23 * (64 * 64 * 128 + 3 * 6144 * 2)
    scan = parts(serving.prefill(model, H200, tokens=10))["mamba scan"]
    assert scan.dram_bytes == 23 * (10 * (6144 + 4096) * 2 + 64 * 64 * 128 * width + 3 * 6144 * 2)


def test_weights_in_a_type_of_their_own_are_multiplied_in_the_precision_of_all_else() -> None:
    model = quantised({"quant_method": "fp8"}).in_types(weight_dtype="int4")
    found = parts(serving.decode(model, H200))
    assert found["feed-forward"].dram_bytes == FEED_FORWARD / 2
    assert found["feed-forward"].precision == "bf16"
    assert found["output projection"].dram_bytes == HEAD / 2
    assert found["embedding"].dram_bytes == 4096 / 2
    assert found["attention over the KV cache"].dram_bytes == 2 * 131_072
    assert found["decode step"].precision == "bf16"
    with pytest.raises(PredictionError, match="no precision called 'int5'"):
        model.in_types(kv_dtype="int5")


# --- several GPUs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("gpus", [2, 4, 8])
def test_each_of_several_gpus_has_its_share_of_the_work(gpus: int) -> None:
    model = architectures.from_config(published.LLAMA)
    share = model.on_one_of(gpus)
    for whole, one in (
        (serving.decode(model, H200, batch=4, context=99), serving.decode(share, H200, batch=4, context=99)),
        (serving.prefill(model, H200, tokens=512), serving.prefill(share, H200, tokens=512)),
    ):
        for before, after in zip(whole, one, strict=True):
            assert after.part == before.part
            assert math.isclose(after.flop * gpus, before.flop)
            assert math.isclose(after.dram_bytes * gpus, before.dram_bytes)
            assert math.isclose(after.floor_s * gpus, before.floor_s)


def test_what_cannot_be_shared_is_on_every_gpu() -> None:
    llama = architectures.from_config(published.LLAMA).on_one_of(16)
    assert llama.attention is not None
    # 8 key and value heads for 16 GPUs: each has one.
    assert llama.attention.kv_elements_per_token == 32 * 2 * 128
    deepseek = architectures.from_config(published.DEEPSEEK_V3)
    shared = deepseek.on_one_of(8)
    assert deepseek.attention is not None
    assert shared.attention is not None
    assert shared.attention.kv_elements_per_token == deepseek.attention.kv_elements_per_token
    assert shared.stored("router") == deepseek.stored("router")
    assert sum(shared.stored("experts").values()) == sum(deepseek.stored("experts").values()) / 8
    nemotron = architectures.from_config(published.NEMOTRON_3_NANO_30B).on_one_of(16)
    assert nemotron.mamba is not None
    assert (nemotron.mamba.heads, nemotron.mamba.groups) == (4, 1)


def test_formats_are_shared_with_the_weights() -> None:
    config = {"quant_method": "fp8", "modules_to_not_convert": ["model.layers.0.mlp"]}
    found = parts(serving.decode(quantised(config).on_one_of(4), H200))
    assert found["feed-forward"].dram_bytes == FEED_FORWARD * 31 / 32 / 4
    assert found["feed-forward, not quantised"].dram_bytes == 2 * FEED_FORWARD / 32 / 4


@pytest.mark.parametrize(
    ("config", "gpus", "problem"),
    [
        (published.LLAMA, 3, "tensor_parallel_size 3 does not divide num_attention_heads 32"),
        (
            {**published.LLAMA, "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128},
            12,
            "tensor_parallel_size 12 does not divide num_key_value_heads 8",
        ),
        (published.QWEN3_30B, 0, "tensor parallel size is 0"),
        ({**published.MIXTRAL, "intermediate_size": 1000}, 16, "does not divide moe_intermediate_size 1000"),
        ({**published.LLAMA, "intermediate_size": 1001}, 2, "does not divide intermediate_size 1001"),
    ],
)
def test_what_cannot_be_divided_is_refused(config: dict[str, object], gpus: int, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem):
        architectures.from_config(config).on_one_of(gpus)


def test_gpus_that_share_a_model_send_each_other_its_residual_stream() -> None:
    share = architectures.from_config(published.LLAMA).on_one_of(8)
    # 32 layers of two blocks; 10 rows of 4096 numbers, 7/8 of them there and back.
    count, sent, seconds = serving.all_reduces(share, H200, rows=10)
    assert (count, sent) == (64, 64 * 10 * 4096 * 2 * 2 * 7 / 8)
    assert math.isclose(seconds, sent / 450e9)
    _, _, over_pcie = serving.all_reduces(share, find("L40S"), rows=10)
    assert math.isclose(over_pcie, sent / find("L40S").pcie_bytes_per_s)


# --- memory ---------------------------------------------------------------------------------------------


def test_memory_holds_all_weights_and_what_sequences_keep() -> None:
    llama = architectures.from_config(published.LLAMA)
    assert serving.needed_bytes(llama, batch=3, tokens=100) == 2 * llama.parameters + 300 * 131_072
    assert serving.needed_bytes(llama.on_one_of(2), batch=3, tokens=100) == (
        llama.parameters + 300 * 131_072 / 2
    )
    fp8 = quantised({"quant_method": "fp8"})
    assert serving.needed_bytes(fp8, batch=1, tokens=0) == llama.layer_parameters + 2 * 2 * HEAD
    tied = architectures.from_config({**published.LLAMA, "tie_word_embeddings": True})
    assert serving.needed_bytes(tied, batch=1, tokens=0) == 2 * (llama.layer_parameters + HEAD)
    # All experts are held, not those of the batch.
    mixtral = architectures.from_config(published.MIXTRAL)
    assert serving.needed_bytes(mixtral, batch=1, tokens=0) == 2 * mixtral.parameters
    nemotron = architectures.from_config(published.NEMOTRON_3_NANO_30B)
    state = 23 * (64 * 64 * 128 * 4 + 3 * 6144 * 2)
    assert serving.needed_bytes(nemotron, batch=2, tokens=10) == (
        2 * nemotron.parameters + 2 * (state + 10 * 6 * 2 * 2 * 128 * 2)
    )
