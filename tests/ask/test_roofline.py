"""Measured rooflines: FLOP, bytes, peaks and verdicts, against NVIDIA's own figures and sums done by hand."""

from __future__ import annotations

import itertools
import math
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kept
import pytest
from made.ncu import BF16, FFMA, IDLE, L1, L2, Profile, Value, roofline
from made.store import empty
from shipped import REPORTS, notes

import traceql
from traceql.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql import Database

Row = dict[str, Any]

LLAMA = "llama_roofline.ncu-rep.xz"
GEMM_A10G = "esmm_a10g_2023.1.ncu-rep.xz"
TRAFFIC_ONLY = "scv_baseline_vectorized.ncu-rep.xz"
GREEN = "green_contexts_roofline.ncu-rep.xz"
TENSOR_A100 = "cutlass_a100_2024.1_nvtx.ncu-rep.xz"
TENSOR = "sm__ops_path_tensor_"


def ask(database: Database, name: str, **params: Any) -> list[Row]:
    return database.query(name, **params).to_dicts()


def launches(database: Database, **params: Any) -> list[Row]:
    return ask(database, "kernel_roofline", by="launch", **params)


def metric(database: Database, trace: str, name: str) -> dict[int, float]:
    """Kernel → value of one metric, as recorded."""
    rows = database.sql(
        "SELECT kernel_id, value FROM metrics JOIN traces USING (trace_id) WHERE trace = $trace AND metric = $metric",
        {"trace": trace, "metric": name},
    ).rows()
    return dict(rows)


# --- a report made by hand ------------------------------------------------------------------------------

WHOLE = roofline()


#: A card that gpus.toml does not know, as ncu describes it.
A10M = {
    "compute_capability_major": 8,
    "compute_capability_minor": 6,
    "multiprocessor_count": 56,
    "max_gpu_frequency_khz": 1_635_000,
    "max_mem_frequency_khz": 6_251_000,
    "fb_bus_width": 320,
}


def recorded(
    *kernels: tuple[str, Mapping[str, Value]],
    paths: tuple[str, ...] = (),
    tags: Mapping[str, str] | None = None,
    gpu: str = "NVIDIA H200",
) -> Database:
    """A database with one ncu trace: (kernel name, its metrics), each in one NVTX path."""
    profile = Profile(tags=tags or {}).gpu(gpu)
    for (name, metrics), path in itertools.zip_longest(kernels, paths, fillvalue=""):
        profile.kernel(name, path, metrics=metrics)
    database = empty()
    profile.store(database, "made")
    return database


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of the reports that are asked here, named as their files: each question reads all metrics."""

    def fill(database: Database, reports: Sequence[Path]) -> None:
        for report in reports:
            database.ingest(report, name=report.name)

    reports = [REPORTS / name for name in (LLAMA, GEMM_A10G, TRAFFIC_ONLY, TENSOR_A100, GREEN)]
    path = kept.database("profiles", fill, reports, tmp_path_factory.mktemp("profiles"))
    with traceql.open(path) as database:
        yield database


def only(rows: list[Row]) -> Row:
    (row,) = rows
    return row


# --- FLOP -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "k", "path", "kernels"),
    [
        (6144, 4096, "layer/attention", 2),  # QKV
        pytest.param(4096, 4096, "layer/attention", 2, marks=pytest.mark.long),  # output of attention
        pytest.param(4096, 14336, "layer/mlp", 2, marks=pytest.mark.long),  # down
    ],
)
def test_the_gemms_of_an_h200_read_exactly_2mnk(
    profiles: Database, n: int, k: int, path: str, kernels: int
) -> None:
    rows = launches(profiles, trace=LLAMA, kernel="nvjet%", m=2048, n=n, k=k)
    exact = [row for row in rows if row["flop"] == 2 * 2048 * n * k]
    assert len(exact) == kernels
    for row in exact:
        assert row["path"].endswith(path)
        assert row["flop_by_precision"] == {"bf16": row["flop"]}
        assert (row["useful_flop"], row["executed_per_useful"]) == (row["flop"], 1.0)


@pytest.mark.long
def test_a_padded_tile_executes_more_than_is_useful(profiles: Database) -> None:
    # gate and up in one GEMM: 28,672 columns in tiles of 320.
    rows = launches(profiles, trace=LLAMA, kernel="nvjet%320x128%", m=2048, n=28672, k=4096)
    assert [round(row["executed_per_useful"], 4) for row in rows] == [1.0045, 1.0045]
    # One decode step of 4 requests: the tile has 8 rows.
    (row,) = ask(
        profiles, "kernel_roofline", trace=LLAMA, kernel="nvjet_sm90_tst_64x8_64x16_4x1%", m=4, n=6144, k=4096
    )
    assert (row["kernels"], row["executed_per_useful"]) == (2, 2.0)


@pytest.mark.long
def test_a_shape_that_asks_for_more_than_was_executed_is_said_not_to_be_that_of_all_launches() -> None:
    database = recorded(("gemm", roofline(bf16=16)), ("gemm", roofline(bf16=4)))
    said = notes(database.ask("kernel_roofline", m=2, n=2, k=2))
    assert "executed_per_useful is below 1 in 1 row (gemm)" in said
    # All that was executed may have been useful.
    assert notes(database.ask("kernel_roofline", m=2, n=2, k=1)) == ""


@pytest.mark.long
def test_so_it_is_of_ranges() -> None:
    database = recorded(("gemm", roofline(bf16=16)), paths=("step/mlp",))
    said = notes(database.ask("range_roofline", path="step/mlp", useful_flop=17))
    assert "executed_per_useful is below 1 in 1 row (step/mlp)" in said
    assert notes(database.ask("range_roofline", path="step/mlp", useful_flop=16)) == ""


@pytest.mark.long
def test_the_shape_may_come_from_tags() -> None:
    database = recorded(("gemm", {**WHOLE, BF16: 160.0}), tags={"m": "2", "n": "4", "k": "8"})
    row = only(launches(database))
    assert (row["useful_flop"], row["executed_per_useful"]) == (128.0, 1.25)
    assert only(launches(database, m=4))["useful_flop"] == 256.0


def test_cuda_cores_count_exactly_from_instructions_per_cycle(profiles: Database) -> None:
    # Four kernels that multiply matrices of 1,024 × 1,024 in fp32.
    rows = launches(profiles, trace=GEMM_A10G)
    assert [row["flop_by_precision"] for row in rows] == [{"fp32": 2.0 * 1024**3}] * 4


def test_cuda_cores_add_1_for_add_and_mul_2_for_fma_and_twice_that_in_16_bits() -> None:
    counts = {name: float(i + 1) for i, name in enumerate(IDLE)}  # dadd 1, dmul 2, dfma 3, fadd 4 … hfma 9
    row = only(launches(recorded(("k", {**WHOLE, **counts}))))
    assert row["flop_by_precision"] == {
        "fp64": 1 + 2 + 2 * 3,
        "fp32": 4 + 5 + 2 * 6,
        "fp16_cuda": 2 * 7 + 2 * 8 + 4 * 9,
    }
    assert row["flop"] == 9 + 21 + 66


def test_parents_and_children_of_tensor_counters_are_not_added() -> None:
    tensor = {
        BF16: 100.0,
        f"{TENSOR}op_hgmma_src_bf16_dst_fp32_sparsity_off.sum": 60.0,
        f"{TENSOR}op_hmma_src_bf16_dst_fp32_sparsity_off.sum": 40.0,
        f"{TENSOR}src_bf16_dst_fp32_sparsity_off.sum": 100.0,
        f"{TENSOR}src_bf16_dst_fp32_sparsity_on.sum": 0.0,
        # A type that is only there with and without sparsity.
        f"{TENSOR}src_fp8_sparsity_off.sum": 30.0,
        f"{TENSOR}src_fp8_sparsity_on.sum": 12.0,
    }
    row = only(launches(recorded(("k", {**WHOLE, **tensor}))))
    assert row["flop_by_precision"] == {"bf16": 100.0, "fp8": 42.0}
    assert row["flop"] == 142


def test_children_of_recorded_tensor_counters_sum_to_what_is_counted(corpus: Database) -> None:
    children = corpus.sql(
        rf"""
        SELECT kernel_id, sum(value) AS children
        FROM metrics JOIN traces USING (trace_id)
        WHERE trace = '{LLAMA}' AND regexp_matches(metric, '^{TENSOR}op_[a-z]+_src_[a-z0-9_]+\.sum$')
        GROUP BY kernel_id
        """
    ).rows()
    assert sum(total for _, total in children) > 1e12
    counted = dict(
        corpus.sql(
            "SELECT kernel_id, sum(flop) FROM kernel_flop WHERE cores = 'tensor' GROUP BY kernel_id"
        ).rows()
    )
    assert {kernel: counted[kernel] for kernel, _ in children} == dict(children)


PRECISIONS = {
    "bf16_dst_fp32": "bf16",
    "fp16": "fp16",
    "fp16_dst_fp32": "fp16",
    "fp16_dst_fp16": "fp16_fp16_accumulate",
    "tf32_dst_fp32": "tf32",
    "fp64": "fp64_tensor",
    "fp8": "fp8",
    "fp4_fp6_fp8_dst_fp32": "fp8",
    "fp4_fp6_fp8_dst_fp16": "fp8_fp16_accumulate",
    "fp4_dst_fp32": "fp4",
    "int8": "int8",
    "int1": "int1",
}


@pytest.fixture(scope="module")
def tensor_work() -> dict[str, Row]:
    """Launch of each tensor type, on an H200; the kernel is called after the type."""
    database = recorded(*((types, {**WHOLE, f"{TENSOR}src_{types}.sum": 7.0}) for types in PRECISIONS))
    return {row["kernel"]: row for row in launches(database)}


@pytest.mark.parametrize(("types", "precision"), PRECISIONS.items())
def test_tensor_types_have_the_precision_of_the_gpu_data(
    tensor_work: dict[str, Row], types: str, precision: str
) -> None:
    assert tensor_work[types]["flop_by_precision"] == {precision: 7.0}


# --- peaks, against what NVIDIA computed ----------------------------------------------------------------


def test_the_share_of_the_dense_tensor_peak_is_nvidias(profiles: Database) -> None:
    theirs = metric(profiles, LLAMA, "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed")
    prefill = [row for row in launches(profiles, trace=LLAMA) if row["flop"] > 1e10]
    assert len(prefill) == 10
    for row in prefill:
        assert math.isclose(row["compute_pct"], theirs[row["kernel_id"]], rel_tol=1e-9)


@pytest.mark.parametrize(
    ("trace", "kernels"), [(LLAMA, 48), (GEMM_A10G, 4), ("green_contexts.ncu-rep.xz", 26)]
)
def test_the_share_of_the_fp32_peak_is_the_one_of_nvidias_rule(
    corpus: Database, trace: str, kernels: int
) -> None:
    found = corpus.sql(
        f"""
        SELECT message, 1e11 * flop / peak_flop_per_s / kernels.duration_ns AS pct
        FROM kernel_flop JOIN kernels USING (kernel_id) JOIN advice USING (kernel_id)
        WHERE trace = '{trace}' AND precision = 'fp32' AND rule = 'SOLFPRoofline'
        """
    ).rows()
    assert len(found) == kernels
    for message, pct in found:
        close, stated = re.findall(r"achieved +(close to )?([0-9]+)% of this device's [fF][pP]32", message)[0]
        assert abs(pct - int(stated)) <= (1 if close else 0.5), (message, pct)


@pytest.mark.long
def test_bytes_per_second_are_those_of_nvidias_roofline_sections(profiles: Database) -> None:
    rows = {row["kernel_id"]: row for row in launches(profiles, trace=LLAMA)}
    for column, name in {
        "dram_bytes_per_s": "dram__bytes.sum.per_second",
        "l2_bytes_per_s": "derived__lts__lts2xbar_bytes.sum.per_second",
        "l1_bytes_per_s": "derived__l1tex__lsu_writeback_bytes_mem_lgds.sum.per_second",
    }.items():
        theirs = metric(profiles, LLAMA, name)
        assert len(theirs) == len(rows) == 48
        assert all(math.isclose(rows[kernel][column], value) for kernel, value in theirs.items())
    theirs = metric(profiles, LLAMA, "lts__lts2xbar_cycles_active.avg.pct_of_peak_sustained_elapsed")
    assert all(math.isclose(rows[k]["l2_pct"], value, rel_tol=0.005) for k, value in theirs.items())


def test_peaks_of_the_run_and_of_the_datasheet_are_kept_apart(profiles: Database) -> None:
    row = only(ask(profiles, "kernel_roofline", trace=LLAMA, kernel="nvjet%320x128%"))
    assert (row["datasheet_flop_per_s"], row["datasheet_dram_bytes_per_s"]) == (989.4e12, 4.8e12)
    # The GPU ran below the datasheet's clock, its memory a little above.
    assert round(row["profiled_flop_per_s"] / 1e12, 1) == 858.7
    assert round(row["profiled_dram_bytes_per_s"] / 1e12, 3) == 4.812
    assert [round(row[c], 1) for c in ("compute_pct", "datasheet_compute_pct")] == [92.7, 80.4]
    assert math.isclose(row["compute_pct"] / 100 * row["profiled_flop_per_s"], row["flop_per_s"])
    assert math.isclose(row["datasheet_compute_pct"] / 100 * 989.4e12, row["flop_per_s"])


def test_of_a_launch_in_a_green_context_all_roofs_but_those_of_shared_memories_are_of_its_sms(
    profiles: Database,
) -> None:
    sms = metric(profiles, GREEN, "launch__sm_count")
    clocks = metric(profiles, GREEN, "sm__cycles_elapsed.avg.per_second")
    rows = launches(profiles, trace=GREEN)
    assert sorted({sms[row["kernel_id"]] for row in rows}) == [16, 100, 132]
    for row in rows:
        count, clock = sms[row["kernel_id"]], clocks[row["kernel_id"]]
        # 128 FMA in a cycle of an SM, and 128 bytes.
        assert math.isclose(row["profiled_flop_per_s"], count * 256 * clock)
        assert math.isclose(row["profiled_l1_bytes_per_s"], count * 128 * clock)
        assert math.isclose(row["datasheet_flop_per_s"], 66.9e12 * count / 132)
        # Work at the clock that the datasheet counts with, within 2 %.
        assert math.isclose(row["compute_pct"], row["datasheet_compute_pct"], rel_tol=0.03)
        assert math.isclose(row["profiled_dram_bytes_per_s"], 4.8e12, rel_tol=0.01)
        assert math.isclose(row["profiled_l2_bytes_per_s"], 10.25e12, rel_tol=0.01)
        assert row["datasheet_dram_bytes_per_s"] == 4.8e12


@pytest.mark.parametrize(
    ("sms", "bound"), [(132.0, "memory_bound"), (33.0, "compute_bound"), (None, "memory_bound")]
)
def test_the_published_peak_that_decides_is_that_of_the_sms(sms: float | None, bound: str) -> None:
    # 9 ns of fp32 in all SMs and 36 in a quarter of them, between which lie 20 of DRAM.
    peaks = {name: value for name, value in WHOLE.items() if not name.endswith(".peak_sustained")}
    work = {**peaks, FFMA: 66.9e3 * 9 / 2, "dram__bytes.sum": 4800 * 20.0}
    profile = Profile().gpu("NVIDIA H200", multiprocessor_count=132)
    profile.kernel("k", metrics=work if sms is None else {**work, "launch__sm_count": sms})
    database = empty()
    profile.store(database, "made")
    row = only(ask(database, "kernel_roofline"))
    assert (row["bound"], row["bound_by"]) == (bound, "datasheet")
    assert row["datasheet_flop_per_s"] == 66.9e12 * (sms or 132) / 132
    said = "1 launch of made may use only 33 of the 132 SMs, as in a green context: peaks, shares and waves"
    assert (said in notes(database.ask("kernel_roofline"))) is (sms == 33)


def test_launches_in_different_numbers_of_sms_have_the_roof_that_their_work_could_reach_together() -> None:
    """All of their FLOP by the time that those of each take at its own roof."""
    # 2, 6 and 4 million FLOP in all SMs, a quarter and a half of them, at a peak of P: 2 + 24 + 8 = 34 ÷ P.
    profile = Profile().gpu("NVIDIA H200", multiprocessor_count=132)
    for sms, millions in ((132.0, 2), (33.0, 6), (66.0, 4)):
        profile.kernel("k", metrics={**WHOLE, FFMA: millions * 1e6 / 2, "launch__sm_count": sms})
    database = empty()
    profile.store(database, "made")
    row = only(ask(database, "kernel_roofline"))
    assert math.isclose(row["datasheet_flop_per_s"], 66.9e12 * 12 / 34)
    # 12 million FLOP in 3 µs; the share is of that roof.
    assert math.isclose(row["datasheet_compute_pct"], 100 * (12e6 / 3e-6) / (66.9e12 * 12 / 34))
    assert math.isclose(row["datasheet_compute_pct"] / 100 * row["datasheet_flop_per_s"], row["flop_per_s"])
    assert row["datasheet_dram_bytes_per_s"] == 4.8e12
    # What a part of the launches has alone is that part's.
    assert sorted(one["datasheet_flop_per_s"] for one in launches(database)) == [
        66.9e12 / 4, 66.9e12 / 2, 66.9e12,
    ]  # fmt: skip


def test_launches_on_gpus_of_different_roofs_have_those_that_their_work_could_reach_together() -> None:
    profile = Profile().gpu("NVIDIA H200", multiprocessor_count=132)
    profile.gpu("NVIDIA A100-SXM4-80GB", device=1, multiprocessor_count=108)
    for device, flop, dram in ((0, 1e6, 3000.0), (1, 3e6, 1000.0)):
        profile.kernel("k", device=device, metrics={**WHOLE, FFMA: flop / 2, "dram__bytes.sum": dram})
    database = empty()
    profile.store(database, "made")
    row = only(ask(database, "kernel_roofline"))
    alone = {one["dram_bytes"]: one for one in launches(database)}
    peaks = [alone[dram]["datasheet_flop_per_s"] for dram in (3000, 1000)]
    assert peaks == [66.9e12, 19.5e12]
    assert math.isclose(row["datasheet_flop_per_s"], 4e6 / (1e6 / 66.9e12 + 3e6 / 19.5e12))
    fast, slow = (alone[dram]["datasheet_dram_bytes_per_s"] for dram in (3000, 1000))
    assert fast > slow
    assert math.isclose(row["datasheet_dram_bytes_per_s"], 4000 / (3000 / fast + 1000 / slow))
    rate = row["dram_bytes_per_s"]
    assert math.isclose(row["datasheet_dram_pct"] / 100 * row["datasheet_dram_bytes_per_s"], rate)


def test_without_profiled_peaks_the_report_tells_those_of_a_gpu_of_no_known_product() -> None:
    peaks = {name: value for name, value in WHOLE.items() if not name.endswith(".peak_sustained")}
    profile = (
        Profile().gpu("NVIDIA A10M", **A10M).kernel("k", metrics={**peaks, "dram__bytes.sum": 1e5, FFMA: 1e6})
    )
    profile.kernel("t", metrics={**peaks, "dram__bytes.sum": 1e5, BF16: 1e6})
    database = empty()
    profile.store(database, "made")
    row, tensor = launches(database, kernel="*")
    # 56 SMs of compute capability 8.6 do 256 FLOP per clock each; 40 bytes at twice 6.251 GHz.
    assert row["datasheet_flop_per_s"] == 56 * 256 * 1.635e9
    assert row["datasheet_dram_bytes_per_s"] == 2 * 6.251e9 * 320 / 8
    assert (row["bound_by"], row["datasheet_source"], row["bound"]) == ("derived", "derived", "memory_bound")
    # Tensor cores of cards that are neither RTX nor GeForce differ.
    assert (tensor["datasheet_flop_per_s"], tensor["bound_by"]) == (None, None)


# --- roofs and verdicts, by hand ------------------------------------------------------------------------


def test_intensities_rates_and_shares_of_a_report_made_by_hand() -> None:
    row = only(launches(recorded(("k", roofline(bf16=500_000, fp32=2000, dram=1000, l2=4000, l1=8000)))))
    assert row["flop"] == 502_000
    assert [row[f"{level}_flop_per_byte"] for level in ("dram", "l2", "l1")] == [502, 125.5, 62.75]
    assert (row["flop_per_s"], row["dram_bytes_per_s"]) == (502e9, 1e9)
    # 500 of 1,000 cycles' worth of bf16; 100 of DRAM; 200 each of L2 and L1. fp32 would take 10.
    assert row["precision"] == "bf16"
    assert [row[f"{roof}_pct"] for roof in ("compute", "dram", "l2", "l1")] == [50, 10, 20, 20]
    assert row["profiled_flop_per_s"] == 1e12
    assert [row[f"profiled_{level}_bytes_per_s"] for level in ("dram", "l2", "l1")] == [10e9, 20e9, 40e9]
    assert (row["bound"], row["bound_by"], row["lacks"]) == ("compute_bound", "profiled", None)


@pytest.mark.parametrize(("flop", "bound"), [(99_000.0, "memory_bound"), (101_000.0, "compute_bound")])
def test_the_ridge_point_divides_memory_bound_from_compute_bound(flop: float, bound: str) -> None:
    # 1,000 FLOP and 10 bytes per cycle: a ridge of 100 FLOP per byte.
    row = only(launches(recorded(("k", {**WHOLE, "dram__bytes.sum": 1000.0, BF16: flop}))))
    assert row["bound"] == bound


def test_the_compute_roof_is_that_of_the_precision_that_takes_longest() -> None:
    # More FLOP in bf16, but those of fp32 take 500 cycles and not 300.
    row = only(launches(recorded(("k", {**WHOLE, BF16: 300_000.0, FFMA: 50_000.0}))))
    assert (row["precision"], row["compute_pct"], row["profiled_flop_per_s"]) == ("fp32", 50, 200e9)


def test_without_profiled_peaks_the_datasheet_decides() -> None:
    peaks = {name: value for name, value in WHOLE.items() if not name.endswith(".peak_sustained")}
    row = only(launches(recorded(("k", {**peaks, "dram__bytes.sum": 1000.0, BF16: 1e6}))))
    assert (row["bound"], row["bound_by"], row["compute_pct"]) == ("compute_bound", "datasheet", None)
    # 10^6 FLOP in 1 µs are 10^12 per second.
    assert math.isclose(row["datasheet_compute_pct"], 100 * 1e12 / 989.4e12)
    assert row["lacks"] == (
        "L1 roof (--set roofline); L2 roof (--set roofline); peaks at the clocks of the run (--set roofline)"
    )


@pytest.mark.parametrize(
    ("gpu", "types", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", "fp64", 19.5e12),
        ("NVIDIA GeForce RTX 4090", "fp64", 1.29e12),  # no tensor cores for it
        ("NVIDIA GeForce RTX 4090", "fp16_dst_fp16", 330.3e12),
        ("NVIDIA H200", "fp16_dst_fp16", 989.4e12),  # as fast as accumulation in fp32
        ("NVIDIA H200", "fp4_dst_fp32", None),
        ("NVIDIA A10G", "bf16_dst_fp32", 70e12),  # half of an A10
    ],
)
def test_the_datasheet_peak_is_that_of_the_precision(gpu: str, types: str, peak: float | None) -> None:
    row = only(launches(recorded(("k", {**WHOLE, f"{TENSOR}src_{types}.sum": 7.0}), gpu=gpu)))
    assert row["datasheet_flop_per_s"] == peak


def test_work_without_flop_is_memory_bound_at_intensity_0() -> None:
    row = only(launches(recorded(("copy", {**WHOLE, "dram__bytes.sum": 5000.0}))))
    assert (row["flop"], row["dram_flop_per_byte"], row["bound"]) == (0, 0, "memory_bound")
    assert (row["precision"], row["compute_pct"]) == (None, None)


def test_launches_of_a_kernel_add_up() -> None:
    one = {**WHOLE, BF16: 1000.0, "dram__bytes.sum": 100.0}
    two = {**WHOLE, BF16: 3000.0, "dram__bytes.sum": 100.0, "gpu__time_duration.sum": 3000.0}
    row = only(ask(recorded(("k", one), ("k", two)), "kernel_roofline"))
    assert (row["kernels"], row["gpu_ns"], row["flop"], row["dram_bytes"]) == (2, 4000, 4000, 200)
    assert (row["dram_flop_per_byte"], row["flop_per_s"], row["compute_pct"]) == (20, 1e9, 0.1)
    assert row["kernel_id"] is None


@pytest.mark.parametrize(
    "trace", [LLAMA, *(pytest.param(name, marks=pytest.mark.long) for name in (GEMM_A10G, TRAFFIC_ONLY))]
)
def test_kernels_and_launches_have_the_same_totals(profiles: Database, trace: str) -> None:
    by_launch, by_kernel = launches(profiles, trace=trace), ask(profiles, "kernel_roofline", trace=trace)
    assert sum(row["kernels"] for row in by_kernel) == len(by_launch)
    for column in ("gpu_ns", "flop", "dram_bytes", "l2_bytes", "l1_bytes"):
        totals = [sum(row[column] or 0 for row in rows) for rows in (by_launch, by_kernel)]
        assert math.isclose(*totals)


# --- ranges and layers ----------------------------------------------------------------------------------


@pytest.mark.long
def test_a_range_holds_what_runs_in_the_ranges_inside_it(profiles: Database) -> None:
    rows = {row["path"]: row for row in ask(profiles, "range_roofline", trace=LLAMA)}
    step = rows["execute_context_4(2048)_generation_0(0)"]
    inside = [row for row in launches(profiles, trace=LLAMA) if row["path"].startswith(step["path"])]
    assert step["kernels"] == len(inside) == 22
    assert math.isclose(step["flop"], sum(row["flop"] for row in inside))
    mlp = rows["execute_context_4(2048)_generation_0(0)/layer/mlp"]
    assert (mlp["kernels"], mlp["bound"]) == (6, "compute_bound")
    assert mlp["flop_by_precision"]["bf16"] == 2 * (483_183_820_800 + 240_518_168_576)
    useful = 2 * 2 * 2048 * 3 * 4096 * 14336
    (mlp,) = ask(profiles, "range_roofline", trace=LLAMA, path=mlp["path"], useful_flop=useful)
    assert round(mlp["executed_per_useful"], 3) == 1.004


def test_layers_of_vllm_are_told_by_their_ranges_and_steps(profiles: Database) -> None:
    rows = ask(profiles, "layer_roofline", trace=LLAMA)
    assert [
        (row["layer_kind"], row["phase"], row["seq_len"], row["kernels"], row["bound"]) for row in rows
    ] == [
        ("attention", "decode", None, 14, "memory_bound"),
        ("attention", "prefill", None, 12, "compute_bound"),
        ("mlp", "decode", None, 8, "memory_bound"),
        ("mlp", "prefill", None, 6, "compute_bound"),
    ]
    # Decoding reads every weight of the MLP once per step: 3 × 4096 × 14336 in bf16, in 2 layers.
    decode = rows[2]
    assert math.isclose(decode["dram_bytes"], 2 * 3 * 4096 * 14336 * 2, rel_tol=0.02)
    # In theory 4 requests do 4 FLOP per byte of weights; the tiles of 8 rows execute 8.
    assert round(decode["dram_flop_per_byte"], 1) == 7.9


@pytest.mark.long
def test_layers_phases_and_prompt_lengths_come_from_tags() -> None:
    tags = {"layer_kind": "mamba", "phase": "prefill", "seq_len": "4096", "useful_flop": "500"}
    row = only(ask(recorded(("k", {**WHOLE, BF16: 1000.0}), tags=tags), "layer_roofline"))
    assert (row["layer_kind"], row["phase"], row["seq_len"]) == ("mamba", "prefill", 4096)
    assert row["executed_per_useful"] == 2


@pytest.mark.long
def test_layers_phases_and_prompt_lengths_come_from_words_in_ranges() -> None:
    kernel = ("k", {**WHOLE, BF16: 1000.0})
    database = recorded(
        kernel,
        kernel,
        kernel,
        kernel,
        kernel,
        paths=(
            "seq_len=512 phase=prefill/layer/mlp",
            "seq_len=512 phase=decode/layer/mlp",
            "seq_len=64 phase=decode/layer_kind=attention",
            "execute_context_2(8)_generation_3(3)/layer/mlp/inner",
            "warmup",
        ),
    )
    rows = ask(database, "layer_roofline")
    assert [(row["layer_kind"], row["phase"], row["seq_len"]) for row in rows] == [
        ("attention", "decode", 64),
        ("mlp", "decode", 512),
        ("mlp", "mixed", None),
        ("mlp", "prefill", 512),
    ]
    assert [row["seq_len"] for row in ask(database, "layer_roofline", layer_kind="att%", phase="decode")] == [
        64
    ]


# --- what is missing ------------------------------------------------------------------------------------


def test_a_report_without_roofline_metrics_explains_itself(profiles: Database) -> None:
    answer = profiles.ask("kernel_roofline", trace=TRAFFIC_ONLY)
    assert re.search(r"Not measured in scv_.*recorded by ncu --set roofline \(smsp__", notes(answer))
    rows = answer.table.to_pylist()
    for row in rows:
        assert row["dram_bytes"] > 0
        for column in (
            "flop",
            "dram_flop_per_byte",
            "flop_per_s",
            "compute_pct",
            "bound",
            "l1_bytes",
            "precision",
        ):
            assert row[column] is None, column
        assert "tensor FLOP (--section SpeedOfLight_HierarchicalTensorRooflineChart)" in row["lacks"]
        assert "fp32 FLOP (--section SpeedOfLight_HierarchicalSingleRooflineChart)" in row["lacks"]
        assert "L1 bytes (--metrics l1tex__t_bytes.sum)" in row["lacks"]
        assert "DRAM bytes" not in row["lacks"]


@pytest.mark.long
def test_the_list_of_questions_says_what_no_trace_measured(tmp_path: Path) -> None:
    with traceql.open(tmp_path / "x.duckdb") as database:
        database.ingest(REPORTS / TRAFFIC_ONLY)
        lacking = database.unanswerable()
        assert "Recorded by: ncu --set roofline" in lacking["kernel_roofline"]
        assert "dram_traffic" not in lacking
        Profile().gpu("NVIDIA H200").kernel("gemm", metrics=WHOLE).store(database, "whole")
        assert "kernel_roofline" not in database.unanswerable()


@pytest.mark.long
def test_a_whole_report_lacks_nothing_and_warns_of_nothing(profiles: Database) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = profiles.query("kernel_roofline", trace=LLAMA).to_dicts()
    assert {row["lacks"] for row in rows} == {None}


@pytest.mark.long
def test_an_idle_tensor_pipe_is_0_flop_and_a_busy_one_unknown(profiles: Database) -> None:
    # Neither report counts tensor operations.
    assert all(row["flop"] == 2.0 * 1024**3 for row in launches(profiles, trace=GEMM_A10G))
    busy = launches(profiles, trace=TENSOR_A100)
    # What one did on the CUDA cores, 43.2 ffma per cycle, is known.
    assert [row["flop_by_precision"] for row in busy] == [{"fp32": 2 * 1_179_648}, None, None]
    assert [row["flop"] for row in busy] == [2 * 1_179_648, None, None]
    assert all(row["at_least"] and "tensor FLOP" in row["lacks"] for row in busy)
    assert {row["bound"] for row in busy} == {None}


@pytest.mark.long
def test_what_an_idle_tensor_pipe_makes_needless_is_not_missed() -> None:
    uncounted = {name: value for name, value in WHOLE.items() if "tensor" not in name}
    idle = {"sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed": 0.0}
    answer = recorded(("copy", {**uncounted, **idle})).ask("kernel_roofline")
    assert "tensor" not in notes(answer) and [row["lacks"] for row in answer.table.to_pylist()] == [None]
    missed = recorded(("copy", uncounted)).ask("kernel_roofline")
    assert "Not measured" in notes(missed) and "sm__ops_path_tensor_" in notes(missed)
    assert "tensor FLOP" in missed.table.to_pylist()[0]["lacks"]


# Metric → what a launch says that lacks it, and what two say of which one lacks it. A whole one executes 20 FLOP of
# fp32 and 10 of bf16, in 100 and 10 ps, and moves 10 bytes of DRAM, in 1 ns, 320 of L2 and 1,280 of L1.
UNKNOWN: Mapping[str, tuple[Row, Row]] = {
    FFMA: (
        {"at_least": True, "flop": 10, "dram_flop_per_byte": 1, "flop_per_s": 1e7, "bound": None},
        {"at_least": True, "flop": 40, "dram_flop_per_byte": 2, "flop_per_s": 2e7, "bound": None},
    ),
    BF16: (
        {"at_least": True, "flop": 20, "dram_flop_per_byte": 2, "compute_pct": 0.01, "bound": None},
        {"at_least": True, "flop": 50, "dram_flop_per_byte": 2.5, "compute_pct": 0.01, "bound": None},
    ),
    "dram__bytes.sum": (
        {"at_least": True, "flop": 30, "dram_bytes": None, "dram_flop_per_byte": None, "bound": None},
        # 1 ns of traffic, and more, takes longer than all FLOP.
        {"at_least": True, "flop": 60, "dram_bytes": 10, "dram_flop_per_byte": 3, "bound": "memory_bound"},
    ),
    L2: (
        {"at_least": False, "l2_bytes": None, "l2_flop_per_byte": None, "l2_pct": None},
        {"at_least": False, "l2_bytes": 320, "l2_flop_per_byte": 30 / 320, "l2_pct": 1.6},
    ),
    L1: (
        {"at_least": False, "l1_bytes": None, "l1_flop_per_byte": None, "l1_pct": None},
        {"at_least": False, "l1_bytes": 1280, "l1_flop_per_byte": 30 / 1280, "l1_pct": 3.2},
    ),
    "gpu__time_duration.sum": (
        {
            "at_least": True,
            "gpu_ns": None,
            "flop": 30,
            "flop_per_s": None,
            "compute_pct": None,
            "dram_pct": None,
        },
        {
            "at_least": True,
            "gpu_ns": 1000,
            "flop": 60,
            "flop_per_s": 3e7,
            "compute_pct": 0.01,
            "dram_pct": 0.1,
        },
    ),
}


@pytest.fixture(scope="module")
def incomplete() -> dict[str, Row]:
    """Row of each trace: ``whole``, and for each metric and way to lack it one whose only launch lacks it, and one
    with a whole launch beside it."""
    whole: dict[str, Value] = {**WHOLE, **dict.fromkeys((FFMA, BF16, "dram__bytes.sum", L2, L1), 10.0)}
    traces = {"whole": [whole]}
    for name in UNKNOWN:
        absent = {key: value for key, value in whole.items() if key != name}
        for how, broken in (("absent", absent), ("nan", {**absent, name: math.nan})):
            traces |= {f"{name} {how}": [broken], f"{name} {how} once": [whole, broken]}
    with traceql.open(":memory:") as database:
        for trace, kernels in traces.items():
            profile = Profile().gpu("NVIDIA H200")
            for metrics in kernels:
                profile.kernel("k", "", metrics=metrics)
            profile.store(database, trace)
        rows = ask(database, "kernel_roofline")
    found = {row["trace"]: row for row in rows}
    assert len(found) == len(rows) == len(traces)
    return found


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("how", ["nan", "absent"])
def test_missing_and_nan_are_never_0_and_leave_what_is_known(
    incomplete: dict[str, Row], name: str, how: str
) -> None:
    alone, once = UNKNOWN[name]
    assert not incomplete["whole"]["at_least"]
    assert incomplete["whole"]["lacks"] is None
    assert all(incomplete["whole"][column] is not None for column in alone)
    for trace, told in ((f"{name} {how}", alone), (f"{name} {how} once", once)):
        row = incomplete[trace]
        assert {column: row[column] for column in told} == pytest.approx(told), trace
        assert row["lacks"].endswith(" of 1 of 2 kernels") == (told is once)


@pytest.mark.long
@pytest.mark.parametrize(
    ("flop", "dram", "bound"),
    [(101_000, 1000, "compute_bound"), (99_000, 1000, None), (0, 1000, None)],
)
def test_a_lower_bound_decides_what_more_could_not_change(
    flop: float, dram: float, bound: str | None
) -> None:
    # The ridge is at 100 FLOP per byte. What fp16 did on the CUDA cores nobody counted.
    metrics = {
        key: value for key, value in roofline(bf16=flop, dram=dram).items() if "inst_executed_op_h" not in key
    }
    row = only(launches(recorded(("k", metrics))))
    assert (row["bound"], row["at_least"]) == (bound, True)
    assert (row["flop"], row["dram_flop_per_byte"]) == ((flop, flop / dram) if flop else (None, None))
    assert row["lacks"] == "fp16 FLOP (--section SpeedOfLight_HierarchicalHalfRooflineChart)"


@pytest.mark.long
@pytest.mark.parametrize(
    "executed",
    [
        {"sm__inst_executed_pipe_tensor.sum": 30.0},
        {"smsp__inst_executed_pipe_tensor.sum.per_cycle_elapsed": 0.03},
    ],
    ids=["counted", "per cycle"],
)
def test_tensor_instructions_of_unknown_types_are_512_flop_at_least(executed: dict[str, Value]) -> None:
    # As sections of Volta to Ada record them: 30 instructions in 1,000 cycles, 2 per cycle at most.
    metrics = {key: value for key, value in roofline(fp32=640, dram=10).items() if TENSOR not in key}
    peak = {"sm__inst_executed_pipe_tensor.sum.peak_sustained": 2.0}
    row = only(launches(recorded(("k", {**metrics, **executed, **peak}))))
    assert row["flop_by_precision"] == {"fp32": 640, "tensor": 30 * 512}
    assert (row["flop"], row["at_least"]) == (640 + 30 * 512, True)
    # 15 ns of the tensor pipe, 3.2 of fp32, 1 of DRAM.
    assert (row["precision"], row["bound"]) == ("tensor", "compute_bound")
    assert (row["compute_pct"], row["profiled_flop_per_s"]) == pytest.approx((1.5, 1024e9))
    assert row["lacks"] == "tensor FLOP (--section SpeedOfLight_HierarchicalTensorRooflineChart)"


@pytest.mark.parametrize(
    ("metrics", "unit_bytes"),
    [
        # Volta, and Turing to Ada, whose roofline sections derive from these what they draw.
        (
            {"l1tex__lsu_writeback_active.sum": 10.0, "l1tex__lsu_writeback_active.sum.peak_sustained": 80.0},
            128,
        ),
        (
            {
                "l1tex__lsu_writeback_active_mem_lg.sum": 10.0,
                "l1tex__lsu_writeback_active_mem_lg.sum.peak_sustained": 80.0,
            },
            128,
        ),
        (
            {
                "derived__l1tex__lsu_writeback_bytes.sum.per_second": 10e6,
                "derived__l1tex__lsu_writeback_bytes.sum.peak_sustained": 80.0,
            },
            1,
        ),
    ],
    ids=["volta", "turing", "volta, derived"],
)
def test_each_architecture_has_its_metric_of_l1(metrics: dict[str, Value], unit_bytes: int) -> None:
    others = {key: value for key, value in roofline(fp32=640, dram=10).items() if "lsu_writeback" not in key}
    row = only(launches(recorded(("k", {**others, **metrics}))))
    assert row["l1_bytes"] == pytest.approx(10 * unit_bytes)
    assert row["profiled_l1_bytes_per_s"] == pytest.approx(80e9 * unit_bytes)
    assert row["l1_metric"] == min(metrics, key=len).removesuffix(".per_second")


def test_counters_of_all_requests_are_traffic_without_a_roof() -> None:
    others = {
        key: value
        for key, value in roofline(fp32=640, dram=10).items()
        if key.removesuffix(".peak_sustained") not in (L1, L2)
    }
    requests = {
        "lts__t_bytes.sum": 20.0,
        "lts__t_bytes.sum.peak_sustained": 96.0,
        "l1tex__t_bytes.sum": 40.0,
        "l1tex__t_bytes.sum.peak_sustained": 512.0,
    }
    row = only(launches(recorded(("k", {**others, **requests}))))
    assert (row["l2_flop_per_byte"], row["l1_flop_per_byte"]) == (32, 16)
    assert (row["l2_metric"], row["l1_metric"]) == ("lts__t_bytes.sum", "l1tex__t_bytes.sum")
    assert {row[f"{what}"] for what in ("l2_pct", "l1_pct", "profiled_l2_bytes_per_s")} == {None}
    assert row["lacks"] == "L1 roof (--set roofline); L2 roof (--set roofline)"


@pytest.mark.long
def test_wrong_parameters_are_errors(profiles: Database) -> None:
    with pytest.raises(QueryError, match="by must be kernel or launch"):
        profiles.query("kernel_roofline", trace=LLAMA, by="layer")


@pytest.mark.long
def test_the_counters_that_collectors_ask_for_give_every_roof_on_an_h200(corpus: Database) -> None:
    trace = "roofline_counters.ncu-rep.xz"
    rows = sorted(launches(corpus, trace=trace), key=lambda row: row["flop"])
    softmax, halves, singles = rows
    # 2 mnk, on tensor cores to the operation; of the fp32 product, scaling the result comes on top.
    assert (halves["precision"], halves["flop"]) == ("bf16", 2 * 2048**3)
    assert (singles["precision"], softmax["precision"]) == ("fp32", "fp32")
    assert 1 <= singles["flop"] / (2 * 4096**3) < 1.001
    clocks = metric(corpus, trace, "sm__cycles_elapsed.avg.per_second")
    assert sorted(row["profiled_l1_bytes_per_s"] for row in rows) == pytest.approx(
        sorted(132 * 128 * clock for clock in clocks.values()), rel=1e-9
    )
    for row in rows:
        assert not row["at_least"]
        assert row["l2_metric"] == "lts__lts2xbar_cycles_active.sum"
        assert row["l1_metric"] == "l1tex__lsu_writeback_active_mem_lgds.sum"
        # As NVIDIA's roofline sections and the datasheet have them on this card.
        assert row["profiled_l2_bytes_per_s"] == pytest.approx(10.25e12, rel=0.01)
        assert row["profiled_dram_bytes_per_s"] == pytest.approx(4.8e12, rel=0.01)
