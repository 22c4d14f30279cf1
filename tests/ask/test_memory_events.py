"""Allocations of two recorded ranks: what NVIDIA's export holds of them, added up in plain Python."""

from __future__ import annotations

import csv
import lzma
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from shipped import EXPECTED, REPORTS

import traceql
from traceql.read.base import no_progress
from traceql.read.nsys_rep import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from traceql import Database

RANKS = ("memory_rank0", "memory_rank1")
DEVICE, STATIC = 2, 5
MIB = 1 << 20


@pytest.fixture(scope="module")
def ranks() -> Iterator[Database]:
    with traceql.open(":memory:") as database:
        for rank in RANKS:
            database.ingest(REPORTS / f"{rank}.nsys-rep.xz")
        yield database


def exported(rank: str) -> list[dict[str, str]]:
    """The events as NVIDIA's export has them, in its order."""
    with lzma.open(EXPECTED / "memory_events" / f"{rank}.csv.xz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("rank", RANKS)
def test_events_are_read_as_the_export_has_them(rank: str, unpacked: Callable[[str], Path]) -> None:
    report = read(unpacked(f"{rank}.nsys-rep.xz"), wanted=None, progress=no_progress)
    rows = exported(rank)
    found = report.tables["CUDA_GPU_MEMORY_USAGE_EVENTS"].select(list(rows[0])).to_pylist()
    assert [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in found
    ] == rows


@pytest.mark.parametrize("rank", RANKS)
def test_the_peak_is_the_most_that_was_allocated_and_not_released(rank: str, ranks: Database) -> None:
    alive: dict[int, dict[int, int]] = defaultdict(dict)
    peak: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in sorted(exported(rank), key=lambda row: (int(row["start"]), int(row["correlationId"]))):
        start, address, size = int(row["start"]), int(row["address"]), int(row["bytes"])
        kind = int(row["memKind"])
        if row["memoryOperationType"] == "0":
            alive[kind][address] = size
        else:
            del alive[kind][address]
        peak[kind] = max(peak[kind], (sum(alive[kind].values()), -start))
    found = {row["memory_kind"]: row for row in ranks.query("memory_use", trace=rank).to_dicts()}
    assert found.keys() == {"GPU memory", "Device", "Device Static", "Pinned"}
    for name, kind in {"Device": DEVICE, "Device Static": STATIC, "Pinned": 1}.items():
        told = found[name]
        assert (told["peak_bytes"], -told["peak_ns"]) == peak[kind]
        assert told["end_bytes"] == sum(alive[kind].values())
    most = ranks.query("memory_over_time", trace=rank, memory="Device").to_dicts()
    assert max(row["in_use_bytes"] for row in most) == peak[DEVICE][0]
    assert most[-1]["in_use_bytes"] == sum(alive[DEVICE].values())


def test_memory_of_pools_is_in_use_while_it_is_allocated() -> None:
    """Ten MiB of the default pool, then twelve of an own one, then plain memory: see the program."""
    with traceql.open(":memory:") as database:
        database.ingest(REPORTS / "memory_pools.nsys-rep.xz", name="pools")
        found = {row["memory_kind"]: row for row in database.query("memory_use").to_dicts()}
        pools = database.sql(
            "SELECT max(pool_bytes), count(*), count(DISTINCT stream_id) FROM memory_events"
            " WHERE pool_address IS NOT NULL GROUP BY pool_address"
        ).rows()
    assert {kind: (row["allocations"], row["releases"], row["peak_bytes"], row["end_bytes"]) for kind, row in found.items()} == {
        "GPU memory": (8, 8, 12 * MIB, 0), "Device": (8, 8, 12 * MIB, 0), "Managed": (1, 1, 3 * MIB, 0), "Pinned": (1, 1, 2 * MIB, 0),
    }  # fmt: skip
    # A pool takes 32 MiB at a time from the GPU.
    assert sorted(pools) == [(32 * MIB, 6, 1), (32 * MIB, 8, 1)]


def test_the_rank_that_keeps_its_outputs_has_more(ranks: Database) -> None:
    (balance,) = (
        row
        for row in ranks.query("rank_balance", topic="rank").to_dicts()
        if row["measure"] == "gpu_memory_peak_bytes"
    )
    assert (balance["least_rank"], balance["most_rank"]) == (0, 1)
    # Six outputs of 64 MiB are kept, of which one is alive at a time on the other.
    assert 4 * 64 * MIB < balance["most"] - balance["least"] < 6 * 64 * MIB


def test_allocations_belong_to_the_calls_that_made_them(ranks: Database) -> None:
    calls = ranks.sql(
        "SELECT DISTINCT operation, name FROM memory_events JOIN api_calls USING (api_call_id)"
        " WHERE memory_kind = 'Device' AND api_calls.name LIKE 'cuda%'"
    ).rows()
    assert sorted(calls) == [("Allocation", "cudaMalloc"), ("Deallocation", "cudaFree")]
    steps = ranks.sql(
        "SELECT count(DISTINCT text) FROM memory_events JOIN nvtx_ranges USING (range_id)"
        " WHERE operation = 'Deallocation' AND text LIKE 'step%'"
    ).item()
    assert steps == 6
