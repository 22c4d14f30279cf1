"""Which product a GPU of a trace is, what its report says of it where it is none that is known, or which it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asked import given
from made import jobs
from made.ncu import Profile
from made.nsys import Recording, kernel
from made.store import empty

from traceql.questions import catalog
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database


def only_gpu(name: str, **said: int) -> dict[str, Any]:
    """The row of gpu_roofs of a GPU about which a report says this."""
    database = empty()
    Profile().gpu(name, **said).kernel("k", metrics={}).store(database, "made")
    (row,) = database.sql("FROM gpu_roofs").to_dicts()
    return row


@pytest.mark.parametrize(
    ("name", "sms", "gib", "gpu"),
    [
        # Drivers name these alike: SMs tell them apart, or the memory.
        ("NVIDIA GeForce RTX 3080", 68, 10, "RTX 3080 10GB"),
        ("NVIDIA GeForce RTX 3080", 70, 12, "RTX 3080 12GB"),
        ("NVIDIA GeForce RTX 3060", 28, 12, "RTX 3060 12GB"),
        ("NVIDIA GeForce RTX 3060", 28, 8, "RTX 3060 8GB"),
        ("NVIDIA GeForce RTX 2060", 34, 12, "RTX 2060 12GB"),
        ("Orin", 16, 61, "Jetson AGX Orin 64GB"),
        ("Orin", 14, 30, "Jetson AGX Orin 32GB"),
        ("Orin", 8, 15, "Jetson Orin NX 16GB"),
        ("Orin", 4, 3.6, "Jetson Orin Nano 4GB"),
        ("Xavier", 8, 15, "Jetson AGX Xavier 16GB"),
        ("Xavier", 6, 7, "Jetson Xavier NX 8GB"),
        # An Orin NX and an Orin Nano have 8 SMs and 8 GB, and other bandwidths.
        ("Orin", 8, 7.5, None),
        # Of one name, with a memory that NVIDIA sells with none: changed, or another card.
        ("NVIDIA GeForce RTX 4090", 128, 48, None),
        ("NVIDIA GeForce RTX 3050", 18, 8, None),
        # A part of the GPU.
        ("NVIDIA A100-SXM4-40GB", 14, 4.8, None),
        ("NVIDIA A100-SXM4-40GB", 108, 39.4, "A100 SXM 40GB"),
    ],
)
def test_a_gpu_is_the_product_of_its_name_its_sms_and_its_memory(
    name: str, sms: int, gib: float, gpu: str | None
) -> None:
    row = only_gpu(name, multiprocessor_count=sms, total_memory=int(gib * 2**30))
    assert row["gpu"] == gpu
    assert (row["source"] == "datasheet") == (gpu is not None)


def test_a_name_that_fits_one_product_is_enough() -> None:
    assert only_gpu("NVIDIA GeForce RTX 4090")["gpu"] == "RTX 4090"
    # Two have this one, and the report says no more.
    row = only_gpu("NVIDIA GeForce RTX 3080")
    assert (row["gpu"], row["source"], row["peak_flop_per_s"]) == (None, None, None)


def about(capability: tuple[int, int], sms: int = 10) -> dict[str, int]:
    return {
        "compute_capability_major": capability[0],
        "compute_capability_minor": capability[1],
        "multiprocessor_count": sms,
        "max_gpu_frequency_khz": 1_000_000,
        "max_mem_frequency_khz": 5_000_000,
        "fb_bus_width": 128,
    }


# Of 10 SMs at 1 GHz: 10 GFLOP/s for each FLOP per clock and SM.
@pytest.mark.parametrize(
    ("name", "capability", "gflop_per_s"),
    [
        (
            "NVIDIA GeForce RTX 9999",
            (8, 9),
            {"fp32": 2560, "bf16": 5120, "fp16_fp16_accumulate": 10240, "fp64": 40},
        ),
        ("NVIDIA RTX 9999 Ada Generation", (8, 9), {"fp32": 2560, "bf16": 10240, "fp8": 20480}),
        # Neither: an L40 does half of what an L40S does.
        ("NVIDIA L99", (8, 9), {"fp32": 2560, "bf16": None}),
        # The words count as words.
        ("NVIDIA GEFORCERTX", (8, 9), {"fp32": 2560, "bf16": None}),
        ("NVIDIA GeForce GTX 1650", (7, 5), {"fp32": 1280, "fp16": None}),
        ("NVIDIA GeForce RTX 2080 with Max-Q Design", (7, 5), {"fp32": 1280, "fp16": 5120, "int8": 20480}),
        ("NVIDIA TITAN V", (7, 0), {"fp64": 640, "fp16": 10240, "bf16": None}),
        (
            "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
            (9, 0),
            {"fp32": 2560, "bf16": 40960, "fp8": 81920, "fp64_tensor": 2560},
        ),
        ("Tesla P100-SXM2-16GB", (6, 0), {"fp32": 1280, "fp64": 640, "fp16": None}),
    ],
)
def test_peaks_are_derived_by_compute_capability_and_words_of_the_name(
    name: str, capability: tuple[int, int], gflop_per_s: dict[str, int | None]
) -> None:
    row = only_gpu(name, **about(capability))
    assert (row["gpu"], row["source"]) == (None, "derived")
    assert {p: row["peak_flop_per_s"].get(p) for p in gflop_per_s} == {
        precision: None if peak is None else peak * 1e9 for precision, peak in gflop_per_s.items()
    }
    # 128 bit at 2 × 5 GHz.
    assert row["dram_bytes_per_s"] == 160e9
    assert row["l2_bytes_per_s"] is None


def test_l1_is_derived_from_load_units_and_clock() -> None:
    assert only_gpu("NVIDIA L99", **about((8, 9)))["l1_bytes_per_s"] == 10 * 128 * 1e9
    assert only_gpu("NVIDIA GeForce GTX 1650", **about((7, 5)))["l1_bytes_per_s"] == 10 * 64 * 1e9
    # Before Volta it is not the memory that is shared.
    assert only_gpu("Tesla P100-SXM2-16GB", **about((6, 0)))["l1_bytes_per_s"] is None


def test_a_gpu_that_shares_the_cpus_memory_reports_no_clock_of_it() -> None:
    row = only_gpu("NVIDIA Thor", **about((11, 0)))
    assert (row["dram_bytes_per_s"], row["peak_flop_per_s"]) == (None, {"fp32": 2560e9})


def test_of_a_compute_capability_that_nobody_knows_there_is_the_bandwidth() -> None:
    row = only_gpu("NVIDIA R100", **about((42, 0)))
    assert (row["source"], row["dram_bytes_per_s"], row["peak_flop_per_s"]) == ("derived", 160e9, None)


def test_a_gpu_of_which_a_report_says_nothing_has_no_figures() -> None:
    row = only_gpu("Microsoft Basic Render Driver", multiprocessor_count=0, max_gpu_frequency_khz=0)
    assert (row["source"], row["peak_flop_per_s"], row["dram_bytes_per_s"]) == (None, None, None)


# --- work on a GPU that the report does not tell --------------------------------------------------------

#: A GPU that nothing tells of.
NOWHERE = 9
#: Work on it was lost, or counted for others.
ONCE_LOST: dict[str, dict[str, Any]] = {
    "collective_links": {"by": "step"},
    "communication_overlap": {},
    "communication_per_step": {},
    "gpu_context_switches": {},
    "job_critical_path": {},
    "job_stragglers": {},
    "job_summary": {},
    "job_timeline": {},
    "link_bandwidth": {},
    "nccl_gpu_overlap_trace": {},
    "rank_balance": {},
    "rank_steps": {},
    "slowest_ranks": {},
    "step_summary": {},
}


def unmapped() -> Recording:
    """Steps that kernels tell on a GPU without a row in `gpus`, beside one that was sampled."""
    made = Recording().gpu(0, "NVIDIA H200", cuda=0)
    for step in range(4):
        at = 100 * step
        for place, name in enumerate(("gemm_a", "gemm_b", "ncclDevKernel_AllReduce")):
            start = at + 10 + 20 * place
            work = kernel(name, start, start + 25, device=NOWHERE, stream=7 + place)
            made.call("cudaLaunchKernel", at + place, at + place + 1, work)
        made.sample("NVLink TX Responses User Data [Throughput %]", at + 20, 50)
        made.network("IB: Bytes sent", at + 10, at + 60, 30)
    return made.switch(8, 100, gpu=NOWHERE).switch(7, 200, gpu=NOWHERE)


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[Database, Database]]:
    """The same work on a GPU whose number alone is told, and on one that is not told at all."""
    numbered, unknown = empty(), empty()
    for database, place in ((numbered, str(NOWHERE)), (unknown, "NULL")):
        for name, recording in (jobs.TRAIN | {"one": unmapped()}).items():
            recording.store(database, name)
        with database._store.writing("nothing") as connection:
            for table in schema.TABLES:
                names = {column.name for column in table.columns}
                placed = [name for name in ("gpu_id", "device_id") if name in names]
                if placed and table.name not in ("gpus", "gpu_samples", "counter_samples"):
                    connection.execute(
                        f"UPDATE {table.name} SET {', '.join(f'{name} = {place}' for name in placed)}"
                    )
    yield numbered, unknown


@pytest.mark.parametrize("question", sorted(ONCE_LOST))
def test_what_ran_on_an_unknown_gpu_ran(told: tuple[Database, Database], question: str) -> None:
    params = given(catalog.shipped().find(question), timeline="one", baseline="a", variant="b")
    numbered, unknown = (
        database.query(question, **params | ONCE_LOST[question]).to_dicts() for database in told
    )
    assert numbered
    assert unknown == [
        {
            name: None if name in ("gpu_id", "device_id") and value == NOWHERE else value
            for name, value in row.items()
        }
        for row in numbered
    ]
