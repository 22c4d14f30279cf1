"""What follows from floors: ridges of layers, chunks, room for a cache, the largest batch in a time; by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from shipped import MODELS

import traceql
from traceql.cli import cli
from traceql.errors import PredictionError, QueryError
from traceql.predict import architectures, floors, serving, solve
from traceql.predict.hardware import find

A100, H100, H200 = find("A100 SXM 80GB"), find("H100 SXM"), find("H200")
LLAMA = architectures.from_config(json.loads((MODELS / "llama-3.1-8b.json").read_text()))
NEMOTRON = architectures.from_config(json.loads((MODELS / "nemotron-3-nano-4b.json").read_text()))
CONFIG = ("--config", str(MODELS / "llama-3.1-8b.json"))


def rows(*arguments: str) -> list[dict[str, object]]:
    result = CliRunner().invoke(cli, ["predict", *arguments, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


# --- from where on work is compute-bound ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu", "peak", "bandwidth", "rows_"),
    [(A100, 312e12, 2.039e12, 189), (H100, 989.4e12, 3.35e12, 462), (H200, 989.4e12, 4.8e12, 276)],
)
def test_a_layer_is_compute_bound_from_where_its_formula_says(gpu, peak, bandwidth, rows_) -> None:  # type: ignore[no-untyped-def]
    # R·e·in·out ÷ (2·in·out − R·e·(in + out)), with two bytes for each number.
    ridge = peak / bandwidth
    exact = 2 * ridge * 1024 * 4096 / (2 * 1024 * 4096 - 2 * ridge * (1024 + 4096))
    assert rows_ - 1 < exact <= rows_
    found = solve.compute_bound_from(lambda batch: (floors.linear(1024, 4096, batch, gpu),))
    assert found == {"linear": rows_}


def test_a_thin_layer_never_is() -> None:
    # 206 FLOP per byte are more than in·out ÷ (in + out) of 128 × 128: 64, however many rows.
    found = solve.compute_bound_from(lambda batch: (floors.linear(128, 128, batch, H200),))
    assert found == {"linear": None}


def test_weights_are_compute_bound_from_the_ridge_and_attention_over_a_cache_never() -> None:
    found = solve.compute_bound_from(lambda batch: serving.decode(LLAMA, H200, batch=batch, context=4096))
    assert found["feed-forward"] == found["output projection"] == 207
    # 4 query heads share a key and a value: 4 FLOP per byte.
    assert found["attention over the KV cache"] is None
    # The caches of the sequences take longer than their products, and grow with them.
    assert found["decode step"] is None


def test_attention_of_a_prompt_is_compute_bound_from_some_hundred_tokens() -> None:
    # FLOP: 4·32·128·L·(L + 1) ÷ 2 for each layer; Q and the output 32 heads each, K and V 8 heads each, read
    # once, and K and V written: (2·32 + 2·2·8)·128·L numbers of two bytes. 42.67·(L + 1) FLOP per 1 byte ÷ 64.
    per_byte = (2 * 32 * 128) / ((2 * 32 + 4 * 8) * 128 * 2)
    least = next(n for n in range(1, 5000) if per_byte * (n + 1) > 989.4 / 4.8)
    found = solve.compute_bound_from(lambda n: serving.prefill(LLAMA, H200, tokens=n))
    assert found["attention"] == least == 618


def test_the_command_says_from_which_size_on() -> None:
    layer = ("linear", "--in", "1024", "--out", "4096", "--gpu", "H200", "--gpu", "A100-SXM")
    assert [row["compute_bound_from"] for row in rows(*layer, "--solve", "compute-bound")] == [276, 189]
    work = ("decode", *CONFIG, "--gpu", "H200", "--context", "1,4096", "--solve", "compute-bound")
    steps = [row for row in rows(*work) if row["part"] == "decode step"]
    assert [(row["context"], row["compute_bound_from"]) for row in steps] == [(1, 207), (4096, None)]
    prompts = rows("prefill", *CONFIG, "--gpu", "H200", "--batch", "1,4", "--solve", "compute-bound")
    forward = [row["compute_bound_from"] for row in prompts if row["part"] == "feed-forward"]
    # 206.1 rows are 52 tokens of 4 prompts.
    assert forward == [207, 52]
    weights = rows("decode", "--weight-bytes", "16e9", "--gpu", "H200", "--solve", "compute-bound")
    assert weights[0]["compute_bound_from"] == 207


# --- chunks ---------------------------------------------------------------------------------------------


def test_chunks_read_weights_and_caches_again_and_compute_the_same() -> None:
    whole = {step.part: step for step in serving.prefill(LLAMA, H200, tokens=4096)}
    chunked = {step.part: step for step in serving.prefill(LLAMA, H200, tokens=4096, chunk=1024)}
    assert whole.keys() == chunked.keys()
    for part, step in whole.items():
        assert chunked[part].flop == pytest.approx(step.flop)
        assert chunked[part].ridge_batch == step.ridge_batch
    # 32 layers of three matrices, in two bytes, four times.
    assert (
        chunked["feed-forward"].dram_bytes
        == 4 * whole["feed-forward"].dram_bytes
        == 4 * 32 * 3 * 4096 * 14336 * 2
    )
    # The second to fourth chunk read 1,024, 2,048 and 3,072 tokens of 131,072 bytes again.
    again = chunked["attention"].dram_bytes - whole["attention"].dram_bytes
    assert again == (1024 + 2048 + 3072) * 131_072
    assert chunked["output projection"] == whole["output projection"]


def test_the_last_chunk_may_be_shorter_and_a_prompt_shorter_than_a_chunk() -> None:
    short = serving.prefill(LLAMA, H200, tokens=100, chunk=4096)
    assert short == serving.prefill(LLAMA, H200, tokens=100)
    odd = serving.prefill(LLAMA, H200, tokens=1500, chunk=1024)[-1]
    assert odd.flop == pytest.approx(serving.prefill(LLAMA, H200, tokens=1500)[-1].flop)


def test_a_state_is_read_again_in_each_chunk_but_the_first() -> None:
    whole, chunked = (
        {s.part: s for s in serving.prefill(NEMOTRON, H200, tokens=2048, chunk=chunk)}["mamba scan"]
        for chunk in (None, 512)
    )
    state = serving.needed_bytes(NEMOTRON, batch=1, tokens=0) - serving.needed_bytes(
        NEMOTRON, batch=0, tokens=0
    )
    # Written once by each of four, and read by three.
    assert chunked.dram_bytes - whole.dram_bytes == pytest.approx(6 * state)


def test_a_chunk_is_positive() -> None:
    with pytest.raises(PredictionError, match="chunk is 0"):
        serving.prefill(LLAMA, H200, tokens=4, chunk=0)


# --- what fits ------------------------------------------------------------------------------------------


def test_a_token_of_opt_13b_takes_the_published_800_kb() -> None:
    # Kwon et al., 2023, section 3: 2 × 5120 × 40 layers × 2 bytes.
    opt = architectures.llama(
        hidden=5120, layers=40, heads=40, kv_heads=None, head_dim=None, intermediate=20480, vocab=50272
    )
    found = solve.capacity(opt, A100, tokens=2048, precision="fp16")
    assert found.kv_bytes_per_token == 2 * 5120 * 40 * 2 == 819_200


def test_a_cache_has_room_for_what_the_weights_leave() -> None:
    found = solve.capacity(LLAMA, H200, tokens=4096, precision="bf16")
    weights = 2 * LLAMA.parameters
    # 2 × 8 heads × 128 × 32 layers × 2 bytes.
    assert (found.weight_bytes, found.kv_bytes_per_token) == (weights, 131_072)
    left = 0.9 * 141e9 - weights
    assert found.cache_bytes == pytest.approx(left)
    assert found.tokens == left // 131_072
    assert found.sequences == left // (131_072 * 4096) == 206


def test_a_hybrid_keeps_a_state_for_each_sequence_too() -> None:
    found = solve.capacity(NEMOTRON, H200, tokens=4096, precision="bf16")
    assert found.state_bytes_per_sequence > 0
    one = found.state_bytes_per_sequence + 4096 * found.kv_bytes_per_token
    assert found.sequences == found.cache_bytes // one


def test_weights_that_do_not_fit_leave_no_room() -> None:
    with pytest.raises(PredictionError, match=r"16\.1 GB of weights do not fit into 10 % of 80\.0 GB"):
        solve.capacity(LLAMA, H100, tokens=1, precision="bf16", memory_pct=10)


def test_the_command_counts_tokens_and_sequences() -> None:
    one, two = (
        rows("capacity", *CONFIG, "--gpu", "H200", "--context", "1024,4096", "--tensor-parallel", number)
        for number in ("1", "2")
    )
    assert [row["max_sequences"] for row in one] == [825, 206]
    # Half of the weights and half of the cache on each: more than twice the room.
    assert two[0]["kv_bytes_per_token"] == 65_536
    assert int(str(two[1]["max_sequences"])) > 2 * 206


# --- throughput and latency -----------------------------------------------------------------------------


def test_a_larger_batch_brings_throughput_and_costs_latency() -> None:
    found = rows("throughput", *CONFIG, "--gpu", "H200", "--context", "4096")
    assert [row["batch_size"] for row in found] == [2**n for n in range(10)]
    for row in found:
        step = serving.decode(LLAMA, H200, batch=int(str(row["batch_size"])), context=4096)[-1].floor_s
        assert row["ms_per_token"] == pytest.approx(1e3 * step)
        assert row["tokens_per_s"] == pytest.approx(int(str(row["batch_size"])) / step)
        assert row["tokens_per_s_per_sequence"] == pytest.approx(1 / step)


def test_the_largest_batch_in_a_time_is_the_largest() -> None:
    (found,) = rows("throughput", *CONFIG, "--gpu", "H200", "--context", "4096", "--latency-ms", "10")
    size = int(str(found["batch_size"]))
    # Weights 3.126 ms (15.0 GB ÷ 4.8 TB/s), and 0.1119 ms for each cache of 4,097 tokens.
    assert (size, found["limit"]) == (61, "latency")
    step = [serving.decode(LLAMA, H200, batch=n, context=4096)[-1].floor_s for n in (size, size + 1)]
    assert step[0] <= 0.010 < step[1]


def test_memory_may_be_what_limits_a_batch() -> None:
    (found,) = rows("throughput", *CONFIG, "--gpu", "H200", "--context", "4095", "--latency-ms", "190")
    assert (found["batch_size"], found["limit"]) == (206, "memory")
    assert float(str(found["memory_pct"])) <= 90


def test_where_no_batch_is_fast_enough_that_is_said() -> None:
    command = ["predict", "throughput", *CONFIG, "--gpu", "H200", "--latency-ms", "1", "-f", "json"]
    result = CliRunner().invoke(cli, command)
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    assert "H200: no batch with a context of 1 does it: one takes 3.13 ms at least." in result.stderr


# --- lists, measured times, pictures --------------------------------------------------------------------

LAYER = ("linear", "--in", "1024", "--out", "4096", "--gpu", "H200")


def test_lists_are_repeated_or_have_commas() -> None:
    found = rows(*LAYER, "--batch", "1,512", "--batch", "8", "--batch", "1")
    assert [row["batch_size"] for row in found] == [1, 512, 8]
    square = rows("gemm", "--m", "1792,1793", "--k", "64", "--tile", "128x128", "--gpu", "H200")
    assert [(row["m"], row["n"]) for row in square] == [(1792, 1792), (1793, 1793)]


def test_waves_of_large_clusters_are_said_to_be_a_lower_bound() -> None:
    def said(cluster: str) -> str:
        work = ("gemm", "--m", "2304", "--k", "64", "--tile", "192x128", "--gpu", "H200")
        result = CliRunner().invoke(cli, ["predict", *work, "--cluster", cluster])
        assert result.exit_code == 0
        return result.stderr

    assert "clusters of 8: waves and floor_us are a lower bound" in said("4x2")
    assert "clusters of 4: " in said("2x2")
    assert "lower bound" not in said("1x2")


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    path = tmp_path / "measured.csv"
    path.write_text(
        "gpu,kind,batch_size,cold_us,warm_ms\n"
        "NVIDIA H200,linear,1,3.5,0.003\n"
        "NVIDIA H200,linear,1,4.5,\n"
        "NVIDIA H200,linear,512,,0.008\n"
        "NVIDIA H100 80GB HBM3,linear,1,9,0.009\n"
        "NVIDIA H200,relu,1,99,1\n"
    )
    return path


def test_measured_times_stand_beside_the_floors_of_their_gpu_and_size(measured: Path) -> None:
    work = (*LAYER, "--batch", "1,512", "--measured", str(measured), "--where", "kind=linear")
    one, large = rows(*work)
    # The median of 3.5 and 4.5; 8,398,848 bytes ÷ 4.8 TB/s.
    assert one["measured_us"] == 4.0
    assert one["measured_per_floor"] == pytest.approx(4 / (8_398_848 / 4.8e6))
    assert (large["measured_us"], large["measured_per_floor"]) == (None, None)
    assert rows(*work, "--measured-column", "warm_ms")[1]["measured_us"] == 8.0


def test_measured_times_of_a_sweep_are_those_of_its_table(measured: Path, tmp_path: Path) -> None:
    db = str(tmp_path / "runs.duckdb")
    with traceql.open(db) as database:
        database.import_runs(measured, sweep="layers")
    chosen = ("--where", "kind=linear", "--measured-column", "cold_us", "--db", db)
    work = (*LAYER, "--batch", "1,512")
    of_table = rows(*work, "--measured", str(measured), *chosen)
    assert rows(*work, "--measured", "layers", *chosen) == of_table
    assert of_table[0]["measured_us"] == 4.0

    def refused(*more: str) -> str:
        result = CliRunner().invoke(cli, ["predict", *work, *more])
        assert isinstance(result.exception, QueryError)
        return f"{result.exception} {result.exception.remedy}"

    # A file has a first column of times, a sweep none.
    several = refused("--measured", "layers", "--db", db)
    assert "layers has several times" in several
    assert "--measured-column: cold_us, warm_ms" in several
    assert "Did you mean layers? Its sweeps: layers." in refused("--measured", "layer", "--db", db)
    nowhere = refused("--measured", "layers", "--db", str(tmp_path / "none.duckdb"))
    assert "layers is no file, and there is no database" in nowhere


def test_a_picture_has_a_curve_of_floors_and_points_of_what_was_measured(
    measured: Path, tmp_path: Path
) -> None:
    def drawn(*more: str) -> str:
        file = tmp_path / "x.svg"
        command = [
            "predict",
            *LAYER,
            "--batch",
            "1,64,512",
            "--measured",
            str(measured),
            *more,
            "-o",
            str(file),
        ]
        result = CliRunner().invoke(cli, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return file.read_text()

    both = drawn("--where", "kind=linear", "--measured-column", "cold_us", "--measured-column", "warm_ms")
    assert "measured, cold_us" in both
    assert "measured, warm_ms" in both
    assert "lines: floors, points: measured" in both
    assert "warm_ms" not in drawn("--where", "kind=linear")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--where", "color=red"], "has no column color"),
        (["--measured-column", "batch_size"], "batch_size has no unit"),
        (["--measured-column", "hot_us"], "has no column hot_us"),
        (["--where", "kind=none"], "has no measured time of H200"),
    ],
)
def test_a_table_that_does_not_fit_is_an_error(more: list[str], problem: str, measured: Path) -> None:
    result = CliRunner().invoke(cli, ["predict", *LAYER, "--measured", str(measured), *more])
    assert isinstance(result.exception, QueryError)
    assert problem in str(result.exception)


def test_one_size_makes_no_curve(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["predict", *LAYER, "-o", str(tmp_path / "x.svg")])
    assert isinstance(result.exception, QueryError)
    assert not (tmp_path / "x.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prefill", *CONFIG, "--gpu", "H200"], "Missing option '--tokens'"),
        (
            ["prefill", *CONFIG, "--gpu", "H200", "--tokens", "4", "--solve", "compute-bound"],
            "leave out --tokens",
        ),
        (["throughput", *CONFIG, "--gpu", "H200", "--batch", "4", "--latency-ms", "1"], "not both"),
        ([*LAYER, "--where", "kind=linear"], "are of --measured"),
        ([*LAYER, "--batch", "1,x"], "'x' is not a valid integer"),
        ([*LAYER, "--solve", "compute-bound", "-o", "x.svg"], "--solve finds no times"),
        ([*LAYER, "--measured", __file__, "--where", "kind"], "It looks like COLUMN=VALUE"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["predict", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
