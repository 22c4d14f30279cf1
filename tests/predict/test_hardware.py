"""GPU data: matched by the names in traces, complete, and with the published ridge points."""

from __future__ import annotations

import json
import math
import re
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
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA B200", "B200"),
    ],
)
def test_names_as_in_traces_find_their_gpu_without_assumptions(name: str, gpu: str) -> None:
    assert hardware.find(name).name == gpu
    assert hardware.assumption(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "A100-PCIE-40GB",
        "NVIDIA A100-SXM4-40GB",
        "NVIDIA A100",
        "NVIDIA A10G",
        "NVIDIA GeForce RTX 3090 Ti",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 4090 D",
        "NVIDIA H200 NVL",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "NVIDIA GH200 480GB",
        "NVIDIA GB200",
        "Quadro RTX 6000",
        "NVIDIA",
        "",
    ],
)
def test_a_sibling_is_not_taken_for_a_known_gpu(name: str) -> None:
    with pytest.raises(UnknownGpuError) as caught:
        hardware.find(name)
    assert "traceql gpu" in caught.value.remedy


def test_an_unknown_gpu_is_told_its_kin() -> None:
    with pytest.raises(UnknownGpuError, match="no data about a GPU called 'A100-PCIE-40GB'") as caught:
        hardware.find("A100-PCIE-40GB")
    assert "akin: H100 PCIe, A100 SXM 80GB, A100 PCIe 80GB" in caught.value.remedy


def test_short_names_say_what_they_assume() -> None:
    assert hardware.find("A100-SXM").name == "A100 SXM 80GB"
    assert hardware.assumption("A100-SXM") == "'A100-SXM' is taken as A100 SXM 80GB, the 80 GB card"


def test_no_spelling_means_two_gpus() -> None:
    keys = [{hardware.key(name) for name in (*gpu.names, *gpu.short_names)} for gpu in GPUS]
    assert sum(map(len, keys)) == len(set().union(*keys))
    assert all(hardware.find(gpu.name) == gpu for gpu in GPUS)


@pytest.mark.parametrize("gpu", GPUS, ids=lambda g: g.name)
def test_every_figure_has_a_source_and_a_sensible_size(gpu: hardware.Gpu) -> None:
    assert set(gpu.sources) == {"peaks", "memory", "l2", "links"}
    assert set(gpu.peak_flop_per_s) <= set(hardware.BYTES_PER_ELEMENT)
    peaks = gpu.peak_flop_per_s
    assert {"fp32", "tf32", "bf16", "fp16", "int8"} <= set(peaks)
    assert all(value > 0 for value in peaks.values())
    # Narrower types are never slower. Twice as fast would be sparsity counted in.
    assert peaks["fp32"] <= peaks["tf32"] < peaks["bf16"] == peaks["fp16"] < peaks["int8"]
    assert math.isclose(peaks["bf16"] / peaks["tf32"], 2, rel_tol=0.03)
    # NVLink and PCIe are slower than DRAM, caches faster.
    bandwidths = list(gpu.bandwidths_bytes_per_s.values())
    assert bandwidths == sorted(bandwidths, reverse=True)
    assert gpu.memory_bandwidth_bytes_per_s < 1e13
    assert gpu.l2_bytes < gpu.memory_bytes


# Dense FLOP per clock and SM of the tensor cores in 16 bits, from NVIDIA's architecture whitepapers.
FLOP_PER_CLOCK = {"H": 4096, "A100": 2048, "L40S": 1024, "A10": 1024, "RTX": 512}


@pytest.mark.parametrize("gpu", [g for g in GPUS if g.name != "B200"], ids=lambda g: g.name)
def test_16_bit_peaks_are_dense(gpu: hardware.Gpu) -> None:
    per_clock = next(v for prefix, v in FLOP_PER_CLOCK.items() if gpu.name.startswith(prefix))
    assert math.isclose(gpu.peak("bf16"), gpu.sm_count * per_clock * gpu.sm_clock_hz, rel_tol=0.015)


def test_devices_in_recorded_traces_say_the_same_of_themselves(corpus: Database) -> None:
    rows = corpus.sql(
        """
        SELECT DISTINCT gpu_roofs.gpu, gpus.sm_count, gpus.l2_cache_bytes, gpus.memory_bandwidth_bytes_per_s
        FROM gpus JOIN gpu_roofs USING (trace_id, gpu_id)
        WHERE gpu_roofs.gpu IS NOT NULL
        """
    ).rows()
    assert {gpu for gpu, *_ in rows} == {"H200", "H100 SXM", "A100 SXM 80GB", "A100 PCIe 80GB", "RTX 4090"}
    for name, sms, l2, bandwidth in rows:
        gpu = hardware.find(name)
        assert (gpu.sm_count, gpu.l2_bytes) == (sms, l2)
        # Datasheets round, and an H200 is clocked up to 2.4 % above its own.
        assert math.isclose(gpu.memory_bandwidth_bytes_per_s, bandwidth, rel_tol=0.03)


def test_the_roof_of_l1_is_at_the_clock_of_the_cuda_cores(corpus: Database) -> None:
    # 132 SMs × 128 bytes × 1.98 GHz, where the tensor cores' peak is that of 1.83 GHz.
    for name in ("H100 SXM", "H200"):
        assert hardware.find(name).bandwidths_bytes_per_s["l1"] == pytest.approx(33.45e12, rel=1e-4)
    # NVIDIA's own counters put it there, at the highest clock of a run.
    (counted,) = corpus.sql(
        "SELECT max(l1_peak_bytes_per_s) FROM kernel_work JOIN traces USING (trace_id) "
        "WHERE trace = 'llama_roofline.ncu-rep.xz'"
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
    assert round(rows[0]["bf16_ridge_flop_per_byte"]) == 206
    result = runner.invoke(cli, ["gpu", "NVIDIA L40S", "-f", "json"])
    rows = json.loads(result.stdout)
    assert len(rows) == 6 * 5
    by_level = {row["level"]: row for row in rows if row["precision"] == "bf16"}
    assert round(by_level["dram"]["ridge_flop_per_byte"]) == 419
    assert by_level["l2"]["ridge_flop_per_byte"] is None
    assert "note: memory: NVIDIA L40S datasheet: 48 GB GDDR6, 864 GB/s" in result.stderr


def test_the_database_matches_names_as_the_library_does(corpus: Database) -> None:
    found = corpus.sql("SELECT DISTINCT gpu_name, gpu FROM gpu_roofs ORDER BY gpu_name").rows()

    def expected(name: str) -> str | None:
        try:
            return hardware.find(name).name
        except UnknownGpuError:
            return None

    assert ("NVIDIA H200", "H200") in found
    assert ("A100-PCIE-40GB", None) in found
    assert ("NVIDIA A100 80GB PCIe", "A100 PCIe 80GB") in found
    assert found == [(name, expected(name)) for name, _ in found]
    gpus = corpus.sql("SELECT count(*) FROM gpus").item()
    assert corpus.sql("SELECT count(*) FROM gpu_roofs").item() == gpus


def test_the_database_holds_the_figures(corpus: Database) -> None:
    rows = corpus.sql(
        "SELECT gpu, peak_flop_per_s['bf16'] / memory_bandwidth_bytes_per_s AS ridge, "
        "peak_flop_per_s['fp8'] AS fp8 FROM gpu_specs"
    ).to_dicts()
    assert {row["gpu"] for row in rows} == {gpu.name for gpu in GPUS}
    for row in rows:
        gpu = hardware.find(row["gpu"])
        assert math.isclose(row["ridge"], gpu.ridge_flop_per_byte("bf16"))
        assert row["fp8"] == gpu.peak_flop_per_s.get("fp8")


def test_the_data_file_is_part_of_the_package() -> None:
    # Beside the modules, so the wheel takes it along with them.
    assert (Path(hardware.__file__).parent / "gpus.toml").is_file()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sm_count", "sm_cuont", "unknown key 'sm_cuont'"),
        ("bf16 =", "bf61 =", "peak_flop_per_s: unknown precision 'bf61'"),
    ],
)
def test_a_misspelt_key_of_the_data_file_is_refused_by_name(old: str, new: str, said: str) -> None:
    text = (Path(hardware.__file__).parent / "gpus.toml").read_text(encoding="utf-8")
    assert hardware.gpus_of(text, "gpus.toml") == hardware.gpus()
    assert old in text
    with pytest.raises(PredictionError, match=re.escape(said)) as caught:
        hardware.gpus_of(text.replace(old, new, 1), "gpus.toml")
    assert "gpus.toml" in caught.value.message
    assert "Known are" in caught.value.remedy
