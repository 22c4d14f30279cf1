"""GPU data: matched by the names in traces, complete, and with the published ridge points."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from traceql import Database
from traceql.cli import cli
from traceql.errors import PredictionError, UnknownGpuError
from traceql.predict import hardware

GPUS = hardware.gpus()


@pytest.mark.parametrize(
    ("name", "ridge"), [("H200", 206), ("H100", 295), ("A100 PCIe", 161), ("L40S", 419), ("A100-SXM", 153)]
)
def test_the_published_ridge_points_come_out(name: str, ridge: int) -> None:
    assert round(hardware.find(name).ridge_flop_per_byte("bf16")) == ridge


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("NVIDIA H200", "H200"),
        ("NVIDIA H100 80GB HBM3", "H100 SXM"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA A100-SXM4-80GB", "A100 SXM 80GB"),
        ("NVIDIA A100 80GB PCIe", "A100 PCIe 80GB"),
        ("A100-PCIE-80GB", "A100 PCIe 80GB"),
        ("a100 pcie 80 gb", "A100 PCIe 80GB"),
        ("A100-PCIE-40GB", "A100 PCIe 40GB"),
        ("NVIDIA A100-SXM4-40GB", "A100 SXM 40GB"),
        ("NVIDIA A800-SXM4-80GB", "A800 SXM 80GB"),
        ("NVIDIA A30", "A30"),
        ("NVIDIA A40", "A40"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40", "L40"),
        ("NVIDIA L40S", "L40S"),
        ("Tesla T4", "T4"),
        ("Tesla V100-SXM2-16GB", "V100 SXM2 16GB"),
        ("Tesla V100-SXM2-32GB-LS", "V100 SXM2 32GB"),
        ("Tesla V100-SXM3-32GB-H", "V100 SXM3 32GB"),
        ("Tesla V100-PCIE-16GB", "V100 PCIe 16GB"),
        ("Tesla V100S-PCIE-32GB", "V100S PCIe 32GB"),
        ("Tesla V100-FHHL-16GB", "V100 FHHL 16GB"),
        ("Tesla V100-DGXS-32GB", "V100 DGXS 32GB"),
        ("NVIDIA H100 NVL", "H100 NVL"),
        ("NVIDIA H200 NVL", "H200 NVL"),
        ("NVIDIA H20", "H20"),
        ("NVIDIA GH200 480GB", "GH200 96GB"),
        ("NVIDIA GH200 144G HBM3e", "GH200 144GB"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA GB200", "GB200"),
        ("NVIDIA B300 SXM6 AC", "B300"),
        ("NVIDIA GB300", "GB300"),
        ("NVIDIA TITAN RTX", "TITAN RTX"),
        ("Quadro RTX 6000", "Quadro RTX 6000"),
        ("NVIDIA RTX A5000", "RTX A5000"),
        ("NVIDIA RTX A6000", "RTX A6000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000 Blackwell Workstation"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000 Blackwell Max-Q"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000 Blackwell Server"),
        ("NVIDIA GeForce RTX 2080 Ti", "RTX 2080 Ti"),
        ("GeForce RTX 2070 SUPER", "RTX 2070 SUPER"),
        ("NVIDIA GeForce RTX 2080 Super with Max-Q Design", "RTX 2080 SUPER Max-Q"),
        ("NVIDIA GeForce RTX 2080 with Max-Q Design", "RTX 2080 Max-Q"),
        ("GeForce RTX 2070 Super with Max-Q Design", "RTX 2070 SUPER Max-Q"),
        ("GeForce RTX 2070 with Max-Q Design", "RTX 2070 Max-Q"),
        ("NVIDIA GeForce RTX 2060 with Max-Q Design", "RTX 2060 Max-Q"),
        ("NVIDIA GeForce RTX 2070 Super Laptop GPU", "RTX 2070 SUPER Laptop GPU"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("NVIDIA GeForce RTX 3090 Ti", "RTX 3090 Ti"),
        ("NVIDIA GeForce RTX 3070 Laptop GPU", "RTX 3070 Laptop GPU"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090 D", "RTX 4090 D"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "RTX 4070 Ti SUPER"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "RTX 4090 Laptop GPU"),
        ("NVIDIA GeForce RTX 5090", "RTX 5090"),
        ("NVIDIA GeForce RTX 5070 Ti Laptop GPU", "RTX 5070 Ti Laptop GPU"),
    ],
)
def test_names_as_in_traces_find_their_gpu_without_assumptions(name: str, gpu: str) -> None:
    assert hardware.find(name).name == gpu
    assert hardware.assumption(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA A100",
        "NVIDIA A100-SXM-64GB",
        "NVIDIA A10M",
        "NVIDIA GeForce RTX 5090 D",
        "NVIDIA GeForce RTX 2080 Ti with Max-Q Design",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "NVIDIA H20-3e",
        "NVIDIA RTX 5000 Ada Generation Laptop GPU",
        "NVIDIA Thor",
        "RTX 6000",
        "NVIDIA",
        "",
    ],
)
def test_a_sibling_is_not_taken_for_a_known_gpu(name: str) -> None:
    with pytest.raises(UnknownGpuError) as caught:
        hardware.find(name)
    assert "traceql gpu" in caught.value.remedy


def test_an_unknown_gpu_is_told_its_kin() -> None:
    with pytest.raises(UnknownGpuError, match="no data about a GPU called 'A100-PCIE-20GB'") as caught:
        hardware.find("A100-PCIE-20GB")
    # The closest first: what shares most of the name, the model before all.
    assert "akin: A100 PCIe 80GB, A100 PCIe 40GB, A100 SXM 80GB, A100 SXM 40GB, " in caught.value.remedy
    with pytest.raises(UnknownGpuError) as caught:
        hardware.find("NVIDIA GeForce RTX 2080 Ti with Max-Q Design")
    assert "akin: RTX 2080 Max-Q, RTX 2080 SUPER Max-Q, RTX 2080 Ti, RTX 2080, " in caught.value.remedy
    assert "derived from the report" in caught.value.remedy


def test_short_names_say_what_they_assume() -> None:
    assert hardware.find("A100-SXM").name == "A100 SXM 80GB"
    assert hardware.find("Orin Nano").name == "Jetson Orin Nano 8GB"
    assert hardware.find("Orin (nvgpu)").name == "Jetson AGX Orin 64GB"
    assert hardware.assumption("A100-SXM") == "'A100-SXM' is taken as A100 SXM 80GB, the 80 GB card"


def test_siblings_of_one_name_are_told_apart_by_what_a_trace_knows() -> None:
    by_key = defaultdict(list)
    for gpu in GPUS:
        for spelling in {hardware.key(name) for name in (*gpu.names, *gpu.short_names)}:
            by_key[spelling].append(gpu)
    shared = {spelling: gpus for spelling, gpus in by_key.items() if len(gpus) > 1}
    assert {"orin", "xavier", "3080 rtx", "3060 rtx", "3050 rtx", "2060 rtx"} < shared.keys()
    for spelling, gpus in shared.items():
        told = [(gpu.sm_count, gpu.memory_bytes) for gpu in gpus]
        # Those of 8 SMs and 8 GB: NVIDIA names an Orin NX and an Orin Nano alike, and nothing tells them apart.
        assert len(told) == len(set(told)) or told.count((8, 8e9)) == 2
        name = next(name for name in gpus[0].names if hardware.key(name) == spelling)
        assert hardware.assumption(name).endswith("that name, too")
        assert hardware.find(name) == gpus[0]
    assert all(hardware.find(gpu.name) == gpu for gpu in GPUS)


def test_architectures_are_told_apart_by_capability_and_words() -> None:
    found = [(c, one.words) for one in hardware.architectures() for c in one.compute_capability]
    assert len(found) == len(set(found))
    names = [one.name for one in hardware.architectures()]
    assert len(names) == len(set(names))
    # Of nothing else than products.
    unnamed = {one.name for one in hardware.architectures() if not one.compute_capability}
    assert unnamed == {"Ampere A10G", "Ada L40", "Hopper H20"}


@pytest.mark.parametrize("gpu", GPUS, ids=lambda g: g.name)
def test_every_figure_has_a_source_and_a_sensible_size(gpu: hardware.Gpu) -> None:
    links = gpu.nvlink_bytes_per_s or gpu.pcie_bytes_per_s
    printed = gpu.peak_flop_per_s.keys() - set(gpu.computed)
    needed = {"clock", "memory"}
    needed |= {kind for kind, has in (("l2", gpu.l2_bytes), ("links", links), ("peaks", printed)) if has}
    needed |= {"computed"} if gpu.computed else set()
    assert set(gpu.sources) == needed
    assert all(len(source) > 5 for source in gpu.sources.values())
    peaks = gpu.peak_flop_per_s
    assert set(peaks) <= set(hardware.BYTES_PER_ELEMENT)
    assert {"fp32", "fp16"} <= set(peaks)
    # Narrower types are never slower (int8 on Blackwell Ultra is). Twice as fast would be sparsity counted in.
    order = [peaks[p] for p in ("fp32", "tf32", "fp16", "fp8") if p in peaks]
    assert order == sorted(order)
    if "bf16" in peaks:
        assert peaks["bf16"] == peaks["fp16"]
        assert math.isclose(peaks["bf16"] / peaks["tf32"], 2, rel_tol=0.03)
    # NVLink and PCIe are slower than DRAM, caches faster.
    bandwidths = list(gpu.bandwidths_bytes_per_s.values())
    assert bandwidths == sorted(bandwidths, reverse=True)
    assert gpu.memory_bandwidth_bytes_per_s < 1e13
    assert (gpu.l2_bytes or 0) < gpu.memory_bytes


ARCHITECTURES = {one.name: one for one in hardware.architectures()}

# Peaks that NVIDIA prints beside a clock that does not give them, with the ratio of the two.
_ODD = {
    # 44 TFLOP/s are those of 2.2 GHz, above the 1.98 GHz that the device reports.
    ("H20", "fp32"): 0.898,
    # What a B200 has at its 1.965 GHz.
    ("B300", "fp32"): 1.027,
    # Printed as 1.25 and 1.3, 1/64 of FP32 would be 1.18.
    ("B300", "fp64"): 0.96,
    ("GB300", "fp64"): 0.965,
    # Printed with two digits: 2.2 PFLOP/s with sparsity, 11 TFLOP/s, 22 TOP/s.
    **dict.fromkeys([("B200", "tf32"), ("B300", "tf32")], 1.023),
    **{(f"Jetson AGX Xavier {gb}GB", p): 1.025 for gb in (16, 32, 64) for p in ("fp16", "int8")},
}


@pytest.mark.parametrize("gpu", GPUS, ids=lambda g: g.name)
def test_printed_peaks_are_sms_times_clock_times_the_rate_of_the_architecture(gpu: hardware.Gpu) -> None:
    rates = ARCHITECTURES[gpu.architecture].flop_per_clock_and_sm
    for precision in (gpu.peak_flop_per_s.keys() - set(gpu.computed)) & rates.keys():
        clock = gpu.highest_clock_hz if precision in ("fp64", "fp64_tensor", "fp32") else gpu.sm_clock_hz
        ratio = gpu.sm_count * clock * rates[precision] / gpu.peak_flop_per_s[precision]
        # Printed with three digits, or two where the first is large.
        assert ratio == pytest.approx(_ODD.get((gpu.name, precision), 1), rel=0.017), precision


@pytest.mark.parametrize("gpu", GPUS, ids=lambda g: g.name)
def test_printed_bandwidths_are_bus_width_times_data_rate(gpu: hardware.Gpu) -> None:
    assert gpu.memory_bus_bits and gpu.memory_bits_per_pin_and_s
    computed = gpu.memory_bus_bits * gpu.memory_bits_per_pin_and_s / 8
    # The datasheet of the H100 PCIe rounds 2,039 GB/s to 2 TB/s.
    rounding = 0.02 if gpu.name == "H100 PCIe" else 0.011
    assert computed == pytest.approx(gpu.memory_bandwidth_bytes_per_s, rel=rounding)


@pytest.mark.parametrize(
    ("name", "precision", "flop_per_s"),
    [
        ("NVIDIA GeForce RTX 4060", "fp32", 15.1e12),
        ("NVIDIA GeForce RTX 3060", "fp32", 12.7e12),
        ("NVIDIA GeForce RTX 4070 Laptop GPU", "fp32", 20.0e12),
        ("Tesla V100-SXM3-32GB", "fp16", 130.8e12),
        ("NVIDIA L40S", "fp64", 1.431e12),
        ("Jetson AGX Orin 32GB", "bf16", 26.66e12),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "bf16", 503.8e12),
    ],
)
def test_a_peak_that_nvidia_does_not_print_is_computed_and_said_to_be(
    name: str, precision: str, flop_per_s: float
) -> None:
    gpu = hardware.find(name)
    assert precision in gpu.computed
    assert gpu.peak(precision) == pytest.approx(flop_per_s, rel=0.003)
    assert "SMs × clock × FLOP per clock and SM" in gpu.sources["computed"]


def test_devices_in_recorded_traces_say_the_same_of_themselves(corpus: Database) -> None:
    rows = corpus.sql(
        """
        SELECT DISTINCT gpu_roofs.gpu, gpus.sm_count, gpus.l2_cache_bytes, gpus.memory_bandwidth_bytes_per_s
        FROM gpus JOIN gpu_roofs USING (trace_id, gpu_id)
        WHERE gpu_roofs.gpu IS NOT NULL
        """
    ).rows()
    assert {gpu for gpu, *_ in rows} == {
        *("H200", "H100 SXM", "GB200", "A100 SXM 80GB", "A100 PCIe 80GB", "A100 SXM 40GB", "A100 PCIe 40GB"),
        *("A10G", "RTX 4090", "TITAN RTX", "Quadro RTX 6000", "Jetson AGX Xavier 32GB"),
    }
    for name, sms, l2, bandwidth in rows:
        gpu = hardware.find(name)
        assert (gpu.sm_count, gpu.l2_bytes) == (sms, l2)
        if ARCHITECTURES[gpu.architecture].own_memory:
            # Datasheets round, and an H200 is clocked up to 2.4 % above its own.
            assert math.isclose(gpu.memory_bandwidth_bytes_per_s, bandwidth, rel_tol=0.03)
        else:
            # The clock of the GPU, 1.377 GHz, in place of the memory's.
            assert bandwidth == 2 * 1.377e9 * gpu.memory_bus_bits / 8


def test_the_roof_of_l1_is_at_the_clock_of_the_cuda_cores(corpus: Database) -> None:
    # 132 SMs × 128 bytes × 1.98 GHz, where the tensor cores' peak is that of 1.83 GHz.
    for name in ("H100 SXM", "H200"):
        assert hardware.find(name).bandwidths_bytes_per_s["l1"] == 132 * 128 * 1.98e9
    # NVIDIA's own counters put it there, at the highest clock of a run.
    (counted,) = corpus.sql(
        "SELECT max(l1_peak_bytes_per_s) FROM kernel_work WHERE trace = 'llama_roofline.ncu-rep.xz'"
    ).row(0)
    assert counted == pytest.approx(33.45e12, rel=0.002)


def test_what_the_hardware_lacks_is_absent_and_not_zero() -> None:
    a100 = hardware.find("A100-SXM")
    assert "fp8" not in a100.peak_flop_per_s
    with pytest.raises(PredictionError, match="A100 SXM 80GB: no fp8 peak is known"):
        a100.peak("fp8")
    l40s = hardware.find("L40S")
    assert l40s.nvlink_bytes_per_s is None
    with pytest.raises(PredictionError, match="L40S: no nvlink bandwidth"):
        l40s.ridge_flop_per_byte("bf16", "nvlink")
    with pytest.raises(PredictionError, match="no precision called 'fp9'"):
        hardware.element_bytes("fp9")


def test_fp64_on_tensor_cores_is_kept_apart() -> None:
    a100 = hardware.find("A100-SXM")
    assert (a100.peak("fp64"), a100.peak("fp64_tensor")) == (9.7e12, 19.5e12)
    assert "fp64_tensor" not in hardware.find("B200").peak_flop_per_s


def test_ridge_points_per_memory_level() -> None:
    a100 = hardware.find("A100-SXM")
    # 108 SMs × 128 bytes × 1.41 GHz, and 5120 bytes × 1.41 GHz.
    assert math.isclose(a100.bandwidths_bytes_per_s["l1"], 19.49184e12)
    assert math.isclose(a100.bandwidths_bytes_per_s["l2"], 7.2192e12)
    assert round(a100.ridge_flop_per_byte("bf16", "l1")) == 16
    assert round(a100.ridge_flop_per_byte("bf16", "l2")) == 43
    # NVLink 600 GB/s in both directions together.
    assert round(a100.ridge_flop_per_byte("bf16", "nvlink")) == 1040


def test_the_command_shows_all_gpus_or_every_ridge_of_one() -> None:
    runner = CliRunner()
    rows = json.loads(runner.invoke(cli, ["gpu", "-f", "json"]).stdout)
    assert [row["gpu"] for row in rows] == [gpu.name for gpu in GPUS]
    assert round(rows[0]["fp16_ridge_flop_per_byte"]) == 206
    result = runner.invoke(cli, ["gpu", "NVIDIA L40S", "-f", "json"])
    rows = json.loads(result.stdout)
    assert len(rows) == 7 * 5
    assert {row["precision"] for row in rows if row["source"] == "computed"} == {"fp64"}
    by_level = {row["level"]: row for row in rows if row["precision"] == "bf16"}
    assert round(by_level["dram"]["ridge_flop_per_byte"]) == 419
    assert by_level["l2"]["ridge_flop_per_byte"] is None
    assert "note: memory: NVIDIA L40S datasheet: 48 GB GDDR6, 864 GB/s; " in result.stderr


def test_the_database_matches_names_as_the_library_does(corpus: Database) -> None:
    # What MPS lets a process use is a part of an H200, and no product.
    part = "trace = 'mps_part.ncu-rep.xz'"
    found = corpus.sql(
        f"SELECT DISTINCT gpu_name, gpu FROM gpu_roofs WHERE NOT {part} ORDER BY gpu_name"
    ).rows()
    told = corpus.sql(f"SELECT gpu_name, gpu, source, sm_count FROM gpu_roofs WHERE {part}").rows()
    assert told == [("NVIDIA H200", None, "derived", 32)]

    def expected(name: str) -> str | None:
        # A person who says no more means the first of them; the trace knows the memory.
        return "Jetson AGX Xavier 32GB" if name == "Xavier" else _found(name)

    assert ("NVIDIA H200", "H200") in found
    assert ("GeForce GTX 1060 with Max-Q Design", None) in found
    assert ("NVIDIA A100 80GB PCIe", "A100 PCIe 80GB") in found
    assert found == [(name, expected(name)) for name, _ in found]
    gpus = corpus.sql("SELECT count(*) FROM gpus").item()
    assert corpus.sql("SELECT count(*) FROM gpu_roofs").item() == gpus


def _found(name: str) -> str | None:
    try:
        return hardware.find(name).name
    except UnknownGpuError:
        return None


def test_the_database_holds_the_figures(corpus: Database) -> None:
    rows = corpus.sql(
        "SELECT gpu, peak_flop_per_s['fp16'] / memory_bandwidth_bytes_per_s AS ridge, "
        "peak_flop_per_s['fp8'] AS fp8 FROM gpu_specs"
    ).to_dicts()
    assert {row["gpu"] for row in rows} == {gpu.name for gpu in GPUS}
    for row in rows:
        gpu = hardware.find(row["gpu"])
        assert math.isclose(row["ridge"], gpu.ridge_flop_per_byte("fp16"))
        assert row["fp8"] == gpu.peak_flop_per_s.get("fp8")


def test_the_data_file_is_part_of_the_package() -> None:
    # Beside the modules, so the wheel takes it along with them.
    assert (Path(hardware.__file__).parent / "gpus.toml").is_file()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sm_count", "sm_cuont", "unknown key 'sm_cuont'"),
        (
            "[gpu.peak_flop_per_s]\nfp64 =",
            "[gpu.peak_flop_per_s]\nfp46 =",
            "peak_flop_per_s: unknown precision 'fp46'",
        ),
        ("fp64 = 8", "fp46 = 8", "Maxwell: flop_per_clock_and_sm: unknown precision 'fp46'"),
        ('architecture = "Hopper"', 'architecture = "Hoper"', "H200: unknown architecture 'Hoper'"),
    ],
)
def test_a_misspelt_key_of_the_data_file_is_refused_by_name(old: str, new: str, said: str) -> None:
    text = (Path(hardware.__file__).parent / "gpus.toml").read_text(encoding="utf-8")
    assert hardware._read(text, "gpus.toml").gpu == hardware.gpus()
    assert old in text
    with pytest.raises(PredictionError, match=re.escape(said)) as caught:
        hardware._read(text.replace(old, new, 1), "gpus.toml")
    assert "gpus.toml" in caught.value.message
    assert "Known are" in caught.value.remedy
