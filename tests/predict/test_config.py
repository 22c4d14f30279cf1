"""Values of a configuration: each that cannot be used is refused by its key's name."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import published
import pytest
from click.testing import CliRunner
from command_line import traceql
from hypothesis import given
from hypothesis import strategies as st
from shipped import MODELS

from traceql.cli import cli
from traceql.errors import PredictionError, TraceqlError
from traceql.predict import architectures, serving
from traceql.predict.hardware import find

H200 = find("H200")

DIMENSIONS = (
    *itertools.product(
        [published.LLAMA],
        (
            "hidden_size",
            "intermediate_size",
            "max_position_embeddings",
            "num_attention_heads",
            "num_hidden_layers",
            "num_key_value_heads",
            "vocab_size",
            "head_dim",
        ),
    ),
    *itertools.product(
        [published.DEEPSEEK_V3],
        (
            "kv_lora_rank",
            "moe_intermediate_size",
            "moe_layer_freq",
            "n_routed_experts",
            "num_experts_per_tok",
            "q_lora_rank",
            "qk_nope_head_dim",
            "qk_rope_head_dim",
            "v_head_dim",
        ),
    ),
    *itertools.product(
        [published.NEMOTRON_3_NANO_30B],
        (
            "chunk_size",
            "conv_kernel",
            "mamba_head_dim",
            "mamba_num_heads",
            "moe_shared_expert_intermediate_size",
            "n_groups",
            "ssm_state_size",
        ),
    ),
)


@pytest.mark.parametrize(
    ("config", "key"), DIMENSIONS, ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize(
    "value", [-8, 0, "8", 8.0, 8.5, True, [8], {"of": 8}, 10**16, float("nan"), float("inf"), ""]
)
def test_a_dimension_that_is_no_positive_whole_number_is_named(
    config: dict[str, Any], key: str, value: object
) -> None:
    with pytest.raises(PredictionError, match=f"gives no {key} as a positive whole number"):
        architectures.from_config({**config, key: value})


@pytest.mark.parametrize("key", ["first_k_dense_replace", "n_shared_experts"])
def test_counts_that_may_be_zero_may_not_be_less(key: str) -> None:
    architectures.from_config({**published.DEEPSEEK_V3, key: 0})
    with pytest.raises(PredictionError, match=f"gives no {key} as a whole number from 0: it is -1"):
        architectures.from_config({**published.DEEPSEEK_V3, key: -1})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"num_attention_heads": 8192}, "num_attention_heads 8192 does not divide hidden_size 4096"),
        ({"num_attention_heads": 30}, "num_attention_heads 30 does not divide hidden_size 4096"),
        ({"num_key_value_heads": 5}, "num_key_value_heads 5 does not divide num_attention_heads 32"),
        ({"num_key_value_heads": 64}, "num_key_value_heads 64 does not divide num_attention_heads 32"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings is 'yes', neither true nor false"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings is 1, neither"),
        ({"torch_dtype": "bf17"}, "torch_dtype is 'bf17', which is no known type"),
        ({"dtype": 16}, "dtype is 16, which is no known type"),
        ({"kv_cache_dtype": "fp9"}, "kv_cache_dtype is 'fp9', which is no known type"),
        ({"num_hidden_layers": 10**6}, "num_hidden_layers as a positive whole number to 100,000"),
        ({"hidden_size": "x" * 1000}, "gives no hidden_size .* it is 'x{59}…"),
    ],
)
def test_values_that_do_not_go_together_are_named(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(PredictionError, match=problem):
        architectures.from_config({**published.LLAMA, **changes})


def test_values_of_other_kinds_of_models_are_named() -> None:
    with pytest.raises(PredictionError, match="n_groups 7 does not divide mamba_num_heads 64"):
        architectures.from_config({**published.NEMOTRON_3_NANO_30B, "n_groups": 7})
    with pytest.raises(PredictionError, match="mamba_ssm_cache_dtype is 'long'"):
        architectures.from_config({**published.NEMOTRON_3_NANO_30B, "mamba_ssm_cache_dtype": "long"})
    with pytest.raises(PredictionError, match="mlp_only_layers is 3, not a list"):
        architectures.from_config({**published.QWEN3_30B, "mlp_only_layers": 3})


def test_heads_need_not_divide_the_width_where_their_own_is_given() -> None:
    model = architectures.from_config({**published.LLAMA, "num_attention_heads": 40, "head_dim": 128})
    assert model.attention is not None
    assert model.attention.parameters == 32 * 4096 * 128 * 2 * (40 + 8)


@pytest.mark.parametrize(
    ("said", "dtype"),
    [({}, "bf16"), ({"torch_dtype": "float16"}, "fp16"), ({"dtype": "torch.float32"}, "fp32")],
)
def test_the_precision_is_the_configurations(said: dict[str, str], dtype: str) -> None:
    config = {key: value for key, value in published.LLAMA.items() if key != "torch_dtype"}
    assert architectures.from_config({**config, **said}).dtype == dtype


@pytest.mark.long
@given(
    config=st.sampled_from(
        [published.LLAMA, published.MIXTRAL, published.DEEPSEEK_V3, published.NEMOTRON_3_NANO_30B]
    ),
    changes=st.dictionaries(
        st.sampled_from(
            sorted(
                {
                    *published.LLAMA,
                    *published.QWEN_MOE,
                    *published.DEEPSEEK_V3,
                    *published.NEMOTRON_3_NANO_30B,
                }
            )
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.integers(0, 60))
        | st.dictionaries(
            st.sampled_from(["quant_method", "bits", "ignore"]), st.text() | st.lists(st.text())
        ),
        max_size=3,
    ),
    batch=st.integers(1, 10_000),
    context=st.integers(0, 10_000),
)
def test_whatever_a_configuration_says_it_is_refused_or_predicted(
    config: dict[str, Any], changes: dict[str, Any], batch: int, context: int
) -> None:
    try:
        model = architectures.from_config({**config, **changes})
        found = [
            *serving.decode(model, H200, batch=batch, context=context),
            *serving.prefill(model, H200, tokens=context + 1, batch=batch),
        ]
    except PredictionError as error:
        assert error.message
        return
    assert serving.needed_bytes(model, batch=batch, tokens=context) > 0
    for step in found:
        assert step.flop >= 0
        assert step.dram_bytes > 0
        assert step.floor_s >= step.dram_bytes / H200.memory_bandwidth_bytes_per_s * 0.999


# --- command line ---------------------------------------------------------------------------------------


def predicted(folder: Path, config: dict[str, Any], *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Rows by JSON, and what is noted."""
    (folder / "config.json").write_text(json.dumps(config))
    kind, *options = arguments
    command = ["predict", kind, "--config", str(folder / "config.json"), *options, "--format", "json"]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), result.stderr


def test_types_are_options(tmp_path: Path) -> None:
    decode = ("decode", "--gpu", "H200", "--context", "99")
    found, said = predicted(tmp_path, published.LLAMA, *decode, "--weight-dtype", "fp4", "--kv-dtype", "fp8")
    assert "note: H200: no fp4 peak is known; weights of --weight-dtype fp4 are computed in bf16." in said
    by_part = {row["part"]: row for row in found}
    assert by_part["feed-forward"]["dram_bytes"] == 32 * 3 * 4096 * 14336 / 2
    assert by_part["attention over the KV cache"]["dram_bytes"] == 100 * 65_536
    assert by_part["feed-forward"]["ridge_batch"] == pytest.approx(206.125 / 4)
    assert by_part["attention over the KV cache"]["ridge_batch"] is None
    assert {row["precision"] for row in found} == {"bf16"}
    nemotron, _ = predicted(tmp_path, published.NEMOTRON_3_NANO_30B, *decode, "--ssm-dtype", "bf16")
    state = next(row for row in nemotron if row["part"] == "mamba state")
    assert state["dram_bytes"] == 2 * 23 * 2 * (64 * 64 * 128 + 3 * 6144)


def test_what_a_gpu_has_no_peak_of_is_said_to_be_computed_in_another_precision(tmp_path: Path) -> None:
    config = {**published.LLAMA, "quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}
    gpus = ("--gpu", "H200", "--gpu", "B300")
    found, said = predicted(tmp_path, config, "decode", *gpus)
    used = {row["gpu"]: row["precision"] for row in found if row["part"] == "feed-forward"}
    assert used == {"H200": "bf16", "B300": "fp4"}
    assert [line for line in said.splitlines() if "peak" in line] == [
        "note: H200: no fp4 peak is known; computed in bf16."
    ]
    unquantised, said = predicted(tmp_path, published.LLAMA, "prefill", "--tokens", "4", *gpus)
    assert {row["precision"] for row in unquantised} == {"bf16"}
    assert "computed in" not in said


def test_weights_in_a_type_of_their_own_need_no_known_quantisation(tmp_path: Path) -> None:
    config = {**published.LLAMA, "quantization_config": {"quant_method": "aqlm"}}
    found, _ = predicted(tmp_path, config, "decode", "--gpu", "H200", "--weight-dtype", "fp8")
    assert found[2]["dram_bytes"] == 32 * 3 * 4096 * 14336
    with pytest.raises(PredictionError, match="'aqlm' is not known"):
        architectures.from_config(config)


def test_a_state_in_four_bytes_makes_a_hybrid_slower(tmp_path: Path) -> None:
    config = json.loads(
        (Path(__file__).parent.parent / "fixtures/models/nemotron-3-nano-4b.json").read_text()
    )
    work = ("decode", "--gpu", "H200", "--batch", "1024", "--context", "4096")
    found, noted = predicted(tmp_path, config, *work)
    assert round(found[-1]["floor_us"] / 1e3, 1) == 57.5
    assert "H200: does not fit: 162.5 GB of weights and caches per GPU, which has 141.0 GB." in noted


@pytest.mark.parametrize("kind", ["decode", "prefill"])
def test_several_gpus_share_the_work_and_say_what_they_send(tmp_path: Path, kind: str) -> None:
    work = (kind, "--gpu", "H200", *(("--tokens", "64") if kind == "prefill" else ()))
    whole, _ = predicted(tmp_path, published.LLAMA, *work)
    half, noted = predicted(tmp_path, published.LLAMA, *work, "--tensor-parallel-size", "2")
    assert half[-1]["floor_us"] == pytest.approx(whole[-1]["floor_us"] / 2)
    assert (whole[0]["tensor_parallel_size"], half[0]["tensor_parallel_size"]) == (1, 2)
    assert "H200: numbers are of one of 2 GPUs. Not counted are 64 all-reduces" in noted


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    _, noted = predicted(tmp_path, published.LLAMA, "decode", "--gpu", "H200", "--context", "131071")
    assert noted == ""
    _, noted = predicted(tmp_path, published.LLAMA, "decode", "--gpu", "H200", "--context", "131072")
    assert noted == "note: 131,073 tokens do not fit: max_position_embeddings is 131,072.\n"
    long = ("prefill", "--gpu", "H200", "--tokens", "131073")
    assert "131,073 tokens do not fit" in predicted(tmp_path, published.LLAMA, *long)[1]
    # 671 billion weights, all but the ends of the model in one byte: 5 GPUs of 141 GB hold them.
    deepseek = ("decode", "--gpu", "H200", "--tensor-parallel-size")
    assert "does not fit" in predicted(tmp_path, published.DEEPSEEK_V3, *deepseek, "4")[1]
    assert "does not fit" not in predicted(tmp_path, published.DEEPSEEK_V3, *deepseek, "8")[1]
    weights = ["predict", "decode", "--weight-bytes", "300e9", "--gpu", "H200"]
    assert "does not fit: 300.0 GB of weights per GPU" in CliRunner().invoke(cli, weights).stderr
    shared = CliRunner().invoke(cli, [*weights, "--tensor-parallel-size", "4", "--raw"])
    assert "does not fit" not in shared.stderr
    assert "15,625" in shared.stdout


def test_the_quantisation_may_lie_beside_the_configuration(tmp_path: Path) -> None:
    beside = {
        "producer": {"name": "modelopt"},
        "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"},
    }
    (tmp_path / "hf_quant_config.json").write_text(json.dumps(beside))
    found, noted = predicted(tmp_path, published.LLAMA, "decode", "--gpu", "H200")
    assert "weights are quantised as hf_quant_config.json beside the configuration says" in noted
    by_part = {row["part"]: row for row in found}
    assert by_part["feed-forward"]["dram_bytes"] == 32 * 3 * 4096 * 14336
    assert by_part["attention over the KV cache"]["dram_bytes"] == 2 * 65_536
    own, noted = predicted(
        tmp_path,
        {**published.LLAMA, "quantization_config": {"quant_method": "awq", "bits": 4}},
        "decode",
        "--gpu",
        "H200",
    )
    assert noted == ""
    assert own[2]["dram_bytes"] == 32 * 3 * 4096 * 14336 / 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weight-bytes", "1e9", "--kv-dtype", "fp8"], "--kv-dtype and --ssm-dtype are of a model"),
        (["--batch", "1" + "0" * 400], "'--batch': More than 1,000,000,000,000,000"),
        (["--weight-bytes", "1e300"], "'--weight-bytes': More than"),
        (["--context", "-1"], "-1 is not in the range"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["predict", "decode", "--gpu", "H200", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("option", ["--dtype", "--weight-dtype", "--kv-dtype", "--ssm-dtype"])
def test_an_empty_type_is_none(option: str) -> None:
    config = MODELS / "llama-3.1-8b.json"
    result = traceql("predict", "decode", "--gpu", "H200", "--config", config, option, "")
    assert (result.returncode, result.stdout) == (1, "")
    assert "there is no precision called ''" in result.stderr


@pytest.mark.parametrize(
    ("what", "option"),
    [
        ("decode", "--weight-bytes"),
        ("capacity", "--memory-pct"),
        ("throughput", "--memory-pct"),
        ("throughput", "--latency-ms"),
    ],
)
def test_a_size_that_is_no_number_is_refused(what: str, option: str) -> None:
    result = CliRunner().invoke(cli, ["predict", what, "--gpu", "H200", option, "nan"])
    assert result.exit_code == 2
    assert f"'{option}'" in result.output
    assert "nan is not a number." in result.output


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff{}", b'{"hidden_size": ' + b"9" * 5000 + b"}"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    command = ["predict", "decode", "--gpu", "H200", "--config", str(tmp_path / "config.json")]
    result = CliRunner().invoke(cli, command)
    assert isinstance(result.exception, TraceqlError)
    assert "not JSON" in str(result.exception)
