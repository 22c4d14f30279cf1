"""Predictions: the published figures, and cases that can be computed by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from shipped import MODELS

from traceql.cli import cli
from traceql.errors import PredictionError, TraceqlError
from traceql.predict import architectures, floors, serving, shapes
from traceql.predict.hardware import Gpu, find

A100 = find("A100 SXM 80GB")
H200 = find("H200")
LLAMA = architectures.from_config(json.loads((MODELS / "llama-3.1-8b.json").read_text()))
NEMOTRON = architectures.from_config(json.loads((MODELS / "nemotron-3-nano-4b.json").read_text()))


# --- linear and elementwise -----------------------------------------------------------------------------


def test_a_linear_layer_with_512_rows_is_compute_bound() -> None:
    found = floors.linear(1024, 4096, 512, A100)
    assert found.flop == 2 * 512 * 1024 * 4096
    # Weights, inputs and outputs in two bytes each.
    assert found.dram_bytes == 2 * (1024 * 4096 + 512 * 1024 + 512 * 4096) == 13_631_488
    assert found.flop_per_byte is not None
    assert round(found.flop_per_byte) == 315
    assert found.bound == "compute"
    assert math.isclose(found.floor_s, 4_294_967_296 / 312e12)


def test_a_linear_layer_with_one_row_is_memory_bound() -> None:
    found = floors.linear(1024, 4096, 1, A100)
    assert found.flop_per_byte is not None
    assert round(found.flop_per_byte, 2) == 1.00
    assert found.bound == "memory"
    assert math.isclose(found.floor_s, 8_398_848 / 2.039e12)


def test_the_bound_changes_where_the_intensity_passes_the_ridge() -> None:
    ridge = A100.ridge_flop_per_byte("bf16")
    for batch in (1, 64, 150, 188, 189, 190, 200, 512, 8192):
        found = floors.linear(1024, 4096, batch, A100)
        assert found.flop_per_byte is not None
        assert (found.bound == "compute") == (found.flop_per_byte > ridge)


@pytest.mark.parametrize("gpu", ["H200", "H100 SXM", "A100 SXM 80GB", "L40S", "RTX 3090", "B200"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_elementwise_operations_are_memory_bound_on_every_gpu(gpu: str, precision: str) -> None:
    found = floors.elementwise("relu", 1_000_000, find(gpu), precision)
    assert found.bound == "memory"
    assert found.flop_per_byte is not None
    assert found.flop_per_byte <= 0.5


def test_fusing_a_relu_saves_all_of_its_traffic_and_time() -> None:
    gemm, relu, apart, fused, saved = floors.linear_relu(1024, 4096, 512, A100)
    # Without fusion, 512 × 4096 outputs of two bytes are read and written once more.
    assert saved.dram_bytes == relu.dram_bytes == 2 * 2 * 512 * 4096
    assert fused.dram_bytes == gemm.dram_bytes == apart.dram_bytes - saved.dram_bytes
    assert fused.flop == apart.flop
    assert math.isclose(saved.floor_s, relu.floor_s)
    assert math.isclose(saved.floor_s, 8_388_608 / 2.039e12)


def test_dimensions_must_be_positive_and_precisions_known() -> None:
    with pytest.raises(PredictionError, match="in features is 0"):
        floors.linear(0, 1, 1, A100)
    with pytest.raises(PredictionError, match="no fp8 peak"):
        floors.linear(1, 1, 1, A100, "fp8")
    with pytest.raises(PredictionError, match="no precision called 'half'"):
        floors.linear(1, 1, 1, A100, "half")


# --- models ---------------------------------------------------------------------------------------------


def test_llama_has_as_many_weights_as_published() -> None:
    attention = 4096 * 4096 * 2 + 4096 * 1024 * 2
    feed_forward = 3 * 4096 * 14336
    assert LLAMA.layer_parameters == 32 * (attention + feed_forward) == 6_979_321_856
    # 8,030,261,248 with the norms: 65 × 4096.
    assert LLAMA.parameters == 8_030_261_248 - 65 * 4096
    assert (
        architectures.llama(hidden=4096, layers=32, heads=32, kv_heads=8, intermediate=14336, vocab=128256)
        == LLAMA
    )
    # 128 KiB per token in bf16.
    assert LLAMA.attention is not None
    assert LLAMA.attention.kv_elements_per_token * 2 == 131_072


def test_nemotron_is_a_hybrid_of_four_billion_weights() -> None:
    assert NEMOTRON.attention is not None
    assert NEMOTRON.mamba is not None
    assert NEMOTRON.mlp is not None
    layers = (NEMOTRON.mamba.layers, NEMOTRON.mlp.layers, NEMOTRON.attention.layers)
    assert layers == (21, 17, 4)
    assert not NEMOTRON.mlp.gated
    assert 3.9e9 < NEMOTRON.parameters < 4.1e9
    # 96 heads of 80 × 128 states, and 3 columns of 7680 + 2·8·128 channels.
    assert NEMOTRON.mamba.ssm_elements == 21 * 96 * 80 * 128
    assert NEMOTRON.mamba.conv_elements == 21 * 3 * 9728


@pytest.mark.parametrize(
    ("gpu", "ms"), [("H200", 3.33), ("H100 SXM", 4.78), ("A100 PCIe 80GB", 8.27), ("L40S", 18.52)]
)
def test_sixteen_gigabytes_take_the_published_time_per_token(gpu: str, ms: float) -> None:
    found = serving.decode_weights(16e9, find(gpu))
    assert round(1e3 * found.floor_s, 2) == ms
    assert found.bound == "memory"
    assert found.flop_per_byte == 1


def test_decoding_becomes_compute_bound_at_the_ridge() -> None:
    assert serving.decode_weights(16e9, H200, batch=206).bound == "memory"
    assert serving.decode_weights(16e9, H200, batch=207).bound == "compute"


def parts(steps: tuple[floors.Step, ...]) -> dict[str, floors.Step]:
    return {step.part: step for step in steps}


def test_a_decode_step_reads_weights_and_cache_once() -> None:
    found = parts(serving.decode(LLAMA, H200, batch=16, context=4096))
    weights = sum(found[p].dram_bytes for p in ("attention projections", "feed-forward", "output projection"))
    assert weights == 2 * (6_979_321_856 + 128_256 * 4096)
    # 4096 tokens read and one written, 128 KiB each, in 16 sequences; the new token meets all 4097.
    assert found["attention over the KV cache"].dram_bytes == 16 * 4097 * 131_072
    assert found["attention over the KV cache"].flop == 16 * 32 * 4 * 4096 * 4097
    assert found["feed-forward"].flop == 2 * 16 * 32 * 3 * 4096 * 14336
    step = found["decode step"]
    assert step.bound == "memory"
    assert math.isclose(step.floor_s, step.dram_bytes / 4.8e12)


def test_prefill_of_4096_tokens_needs_about_60_ms_at_the_peak_of_an_h200() -> None:
    found = parts(serving.prefill(LLAMA, H200, tokens=4096))
    layers = found["attention projections"].flop + found["feed-forward"].flop
    assert layers == 4096 * 13_958_643_712
    # The square of 4096 tokens, cut in half along the diagonal, for q·k and p·v.
    assert found["attention"].flop == 32 * 2 * 4096 * 4096 * 4097
    assert found["output projection"].flop == 2 * 128_256 * 4096
    assert found["prefill"].bound == "compute"
    assert 0.059 < found["prefill"].floor_s < 0.063


def test_prefill_of_one_token_is_a_decode_step_with_an_empty_cache() -> None:
    prefill = parts(serving.prefill(LLAMA, H200, tokens=1))
    decode = parts(serving.decode(LLAMA, H200, context=0))
    for name in ("attention projections", "feed-forward", "output projection", "embedding"):
        assert prefill[name] == decode[name]
    assert prefill["attention"].flop == decode["attention over the KV cache"].flop


def test_a_hybrid_keeps_a_state_instead_of_a_growing_cache() -> None:
    short = parts(serving.decode(NEMOTRON, H200, context=1))
    long = parts(serving.decode(NEMOTRON, H200, context=100_000))
    assert short["mamba state"] == long["mamba state"]
    # Read and written, states in four bytes and windows in two; 5 FLOP per element of a state.
    assert short["mamba state"].dram_bytes == 2 * 21 * (4 * 96 * 80 * 128 + 2 * 3 * 9728)
    assert short["mamba state"].flop == 5 * 21 * 96 * 80 * 128
    # 4 attention layers of 8 heads × 128, K and V.
    grown = long["attention over the KV cache"].dram_bytes - short["attention over the KV cache"].dram_bytes
    assert grown == 99_999 * 4 * 2 * 8 * 128 * 2


def test_the_mamba_scan_grows_linearly_and_attention_quadratically() -> None:
    one = parts(serving.prefill(NEMOTRON, H200, tokens=8192))
    two = parts(serving.prefill(NEMOTRON, H200, tokens=16384))
    assert two["mamba scan"].flop == 2 * one["mamba scan"].flop
    assert math.isclose(two["attention"].flop / one["attention"].flop, 4, rel_tol=1e-3)
    # Per token: inside a chunk of 256 half a square with its diagonal, 2·257/2·(128·8 + 7680); through the
    # states 4·128·7680.
    assert one["mamba scan"].flop == 21 * 8192 * (257 * (1024 + 7680) + 4 * 128 * 7680)


def test_scans_are_causal_as_attention_is() -> None:
    # Whatever the chunks are, the first tokens cost least; a chunk as long as the prompt is one triangle.
    assert NEMOTRON.mamba is not None
    for tokens in (1, 2, 255, 256, 257, 700):
        chunks = [min(256, tokens - start) for start in range(0, tokens, 256)]
        pairs = sum(i + 1 for chunk in chunks for i in range(chunk))
        scan = 21 * (2 * pairs * (1024 + 7680) + tokens * 4 * 128 * 7680)
        assert parts(serving.prefill(NEMOTRON, H200, tokens=tokens))["mamba scan"].flop == scan


def test_steps_of_a_model_add_up() -> None:
    for model in (LLAMA, NEMOTRON):
        for steps in (
            serving.decode(model, A100, batch=4, context=999),
            serving.prefill(model, A100, tokens=77),
        ):
            *single, whole = steps
            assert whole.flop == sum(s.flop for s in single)
            assert whole.dram_bytes == sum(s.dram_bytes for s in single)
            assert math.isclose(whole.floor_s, sum(s.floor_s for s in single))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"model_type": "gpt_oss", "num_local_experts": 8}, "a gpt_oss model, which is not predicted"),
        ({"model_type": ["llama"]}, "which is not predicted"),
        ({"model_type": "qwen3", "num_experts": 128}, "a qwen3 model, which is not predicted"),
        ({"model_type": "llama"}, "gives no hidden_size"),
        ({"model_type": "llama", "hidden_size": "4096"}, "gives no hidden_size"),
        ({"model_type": "nemotron_h"}, "hybrid_override_pattern is ''"),
        ({"model_type": "nemotron_h", "hybrid_override_pattern": "M-X*"}, "pattern is 'M-X\\*'"),
        ({"model_type": "nemotron_h", "layers_block_type": ["mamba", "lstm"]}, "pattern is 'M\\?'"),
        (
            {"model_type": "nemotron_h", "hybrid_override_pattern": "ME", "moe_latent_size": 1024},
            "moe_latent_size",
        ),
    ],
)
def test_what_is_not_predicted_is_refused(config: dict[str, object], problem: str) -> None:
    with pytest.raises(PredictionError, match=problem):
        architectures.from_config(config)


def test_embeddings_are_shared_as_the_configuration_or_its_class_says() -> None:
    dimensions = {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 100,
    }

    def parameters(**config: object) -> int:
        return architectures.from_config({**dimensions, **config}).parameters

    layer = 4 * 8 * 8 + 3 * 8 * 16
    assert parameters(model_type="llama") == layer + 2 * 800
    assert parameters(model_type="llama", tie_word_embeddings=True) == layer + 800
    assert parameters(model_type="gemma") == layer + 800
    # Set, but switched off.
    assert parameters(model_type="qwen2", sliding_window=4096, use_sliding_window=False) == layer + 2 * 800


def test_attention_with_a_window_is_predicted_up_to_it() -> None:
    config: dict[str, object] = {
        "model_type": "mistral",
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 100,
    }
    whole = architectures.from_config(config)
    windowed = architectures.from_config({**config, "sliding_window": 64})
    assert serving.prefill(windowed, A100, tokens=64) == serving.prefill(whole, A100, tokens=64)
    # The new token and the 63 before it.
    assert serving.decode(windowed, A100, context=63) == serving.decode(whole, A100, context=63)
    with pytest.raises(PredictionError, match="65 tokens are more than sliding_window, 64"):
        serving.prefill(windowed, A100, tokens=65)
    with pytest.raises(PredictionError, match="65 tokens are more than sliding_window, 64"):
        serving.decode(windowed, A100, context=64)
    with pytest.raises(PredictionError, match="gives no sliding_window"):
        architectures.from_config({**config, "sliding_window": -1})


# --- shapes ---------------------------------------------------------------------------------------------


def test_one_row_more_than_a_full_wave_costs_a_whole_wave() -> None:
    # 7 × 14 tiles of 256 × 128 fit on 108 SMs; 8 × 15 do not.
    full = shapes.gemm(1792, 1792, 4096, A100)
    assert (full.tiles, full.waves, full.idle_sms) == (98, 1, 10)
    assert full.tile_efficiency_pct == 100
    assert math.isclose(full.wave_efficiency_pct, 100 * 98 / 108)
    over = shapes.gemm(1793, 1793, 4096, A100)
    assert (over.tiles, over.waves, over.idle_sms) == (120, 2, 96)
    assert math.isclose(over.utilisation_pct, 100 * 1793 * 1793 / (216 * 256 * 128))
    assert math.isclose(over.floor_s, 2 * full.floor_s)
    # A full wave keeps every SM busy at its share of the peak.
    assert math.isclose(full.floor_s, 2 * 256 * 128 * 4096 * 108 / 312e12)


def test_a_shape_that_fills_its_waves_wastes_nothing() -> None:
    found = shapes.gemm(256 * 9, 128 * 12, 1024, A100)
    assert (found.tiles, found.waves, found.idle_sms, found.utilisation_pct) == (108, 1, 0, 100)
    assert found.flop == found.executed_flop


def test_clusters_are_filled_up_with_tiles() -> None:
    # 7 × 14 tiles; in clusters of 1 × 4 they are 7 × 16.
    found = shapes.gemm(1792, 1792, 4096, H200, tile=(256, 128), cluster=(1, 4))
    assert (found.tiles, found.waves) == (112, 1)
    assert found.executed_flop == 2 * 4096 * 1792 * 2048
    assert found.tile_efficiency_pct == 100 * 1792 / 2048


def test_padding_of_tiles_is_executed_but_useless() -> None:
    found = shapes.gemm(257, 128, 64, A100)
    assert found.tiles == 2
    assert found.executed_flop == 2 * 512 * 128 * 64
    assert math.isclose(found.tile_efficiency_pct, 100 * 257 / 512)


def test_a_thin_gemm_is_bounded_by_its_bytes() -> None:
    found = shapes.gemm(1, 4096, 4096, A100, tile=(64, 64))
    assert math.isclose(found.floor_s, 2 * (4096 + 4096 * 4096 + 4096) / 2.039e12)


@pytest.mark.parametrize(("n", "aligned"), [(4096, 128), (4104, 16), (4097, 0)])
def test_alignment_counts_bytes_of_every_dimension(n: int, aligned: int) -> None:
    assert shapes.gemm(4096, n, 4096, A100).aligned_bytes == aligned


# --- command line ---------------------------------------------------------------------------------------


def rows(*arguments: str) -> list[dict[str, object]]:
    result = CliRunner().invoke(cli, ["predict", *arguments, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


def test_the_command_predicts_a_linear_layer() -> None:
    shape = ("linear", "--in", "1024", "--out", "4096", "--gpu", "A100-SXM")
    (found,) = rows(*shape, "--batch", "512")
    assert (found["gpu"], found["flop"], found["bound"]) == ("A100 SXM 80GB", 4_294_967_296, "compute")
    assert rows(*shape, "--batch", "1")[0]["bound"] == "memory"
    fused = rows(*shape, "--batch", "512", "--relu")
    assert [row["part"] for row in fused] == [
        "linear",
        "relu",
        "linear, then relu",
        "linear with relu fused",
        "saved by fusing",
    ]


def test_the_command_says_what_it_assumes_about_a_gpu() -> None:
    result = CliRunner().invoke(cli, ["predict", "decode", "--weight-bytes", "16e9", "--gpu", "A100 PCIe"])
    assert "note: 'A100 PCIe' is taken as A100 PCIe 80GB, the 80 GB card." in result.stderr


def test_the_command_predicts_the_published_floors() -> None:
    gpus = [word for name in ("H200", "H100 SXM", "A100 PCIe", "L40S") for word in ("--gpu", name)]
    found = rows("decode", "--weight-bytes", "16e9", *gpus)
    assert [round(float(str(row["floor_us"])) / 1e3, 2) for row in found] == [3.33, 4.78, 8.27, 18.52]


def test_a_configuration_and_its_dimensions_predict_the_same() -> None:
    config = ("--config", str(MODELS / "llama-3.1-8b.json"))
    dimensions = ("--hidden", "4096", "--layers", "32", "--heads", "32", "--kv-heads", "8")
    dimensions += ("--intermediate", "14336", "--vocab", "128256")
    decode = ("decode", "--gpu", "H200", "--batch", "8", "--context", "1000")
    assert rows(*decode, *config) == rows(*decode, *dimensions)
    prefill = ("prefill", "--gpu", "H200", "--tokens", "4096")
    assert rows(*prefill, *config) == rows(*prefill, *dimensions)
    assert rows(*prefill, *config)[-1]["part"] == "prefill"


def test_the_command_predicts_shapes_for_many_tiles_or_one() -> None:
    gemm = ("gemm", "--m", "1792", "--n", "1792", "--n", "1793", "--k", "4096", "--gpu", "A100-SXM")
    assert len(rows(*gemm)) == 2 * len(shapes.TILES)
    one = rows(*gemm, "--tile", "128x128")
    assert [row["tiles"] for row in one] == [14 * 14, 14 * 15]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decode", "--gpu", "H200"], "missing: --hidden, --layers, --heads, --intermediate, --vocab"),
        (["decode", "--gpu", "H200", "--weight-bytes", "1e9", "--hidden", "1"], "not both"),
        (["gemm", "--m", "1", "--n", "1", "--k", "1", "--gpu", "H200", "--tile", "big"], "like 256x128"),
        (["linear", "--in", "1", "--out", "1"], "Missing option '--gpu'"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["predict", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("content", ["{", "[1]", '{"model_type": "gpt_oss"}'])
def test_a_file_that_is_no_known_configuration_is_an_error(tmp_path: Path, content: str) -> None:
    config = tmp_path / "config.json"
    config.write_text(content)
    result = CliRunner().invoke(cli, ["predict", "decode", "--gpu", "H200", "--config", str(config)])
    assert isinstance(result.exception, TraceqlError)


def test_a_gpu_of_ones_own_can_be_predicted_for() -> None:
    tiny = Gpu(
        name="tiny",
        names=("tiny",),
        short_names={},
        sm_count=2,
        sm_clock_hz=1e9,
        memory_bytes=1e9,
        memory_bandwidth_bytes_per_s=100,
        l2_bytes=1,
        pcie_bytes_per_s=1,
        peak_flop_per_s={"bf16": 1000},
        sources={},
    )
    # 2·3·4·5 FLOP at 1000 FLOP/s; 2·(20 + 27) bytes at 100 bytes/s.
    found = floors.linear(4, 5, 3, tiny)
    assert (found.flop, found.dram_bytes, found.bound, found.floor_s) == (120, 94, "memory", 0.94)
