"""The advice rules: equal to what nsys analyze prints, and to what a reader can work out from a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from conftest import EXPECTED
from nsys_oracle import (
    TRACES,
    Columns,
    Row,
    ask,
    assert_printed,
    assert_same,
    expected,
    hand_made,
)

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database


def _megabytes(row: Row) -> float:
    return float(row["bytes"] / 1e6)


_MEMORY_OP: Columns = {
    "Duration (ns)": ("duration_ns", None),
    "Start (ns)": ("start_ns", None),
    "Bytes (MB)": (_megabytes, 3),
    "PID": ("pid", None),
    "Device ID": ("device_id", None),
    "Context ID": ("context_id", None),
    "Stream ID": ("stream_id", None),
    "API Name": ("function", None),
}
_COPY: Columns = {**_MEMORY_OP, "Src Kind": ("src_memory", None), "Dst Kind": ("dst_memory", None)}

RULES: dict[str, Columns] = {
    "cuda_api_sync": {
        "Duration (ns)": ("duration_ns", None),
        "Start (ns)": ("start_ns", None),
        "PID": ("pid", None),
        "TID": ("tid", None),
        "API Name": ("function", None),
    },
    "cuda_memcpy_async": _COPY,
    "cuda_memcpy_sync": _COPY,
    "cuda_memset_sync": {**_MEMORY_OP, "Memory Kind": ("dst_memory", None)},
    "gpu_gaps": {
        "Duration (ns)": ("duration_ns", None),
        "Start (ns)": ("start_ns", None),
        "PID": ("pid", None),
        "Device ID": ("device_id", None),
    },
    "gpu_time_util": {
        "In-Use (%)": ("in_use_pct", 1),
        "Duration (ns)": ("duration_ns", None),
        "Start (ns)": ("start_ns", None),
        "PID": ("pid", None),
        "Device ID": ("device_id", None),
    },
}
#: Columns of NVIDIA's without a counterpart: the row's number; a context that none of the traces uses; and
#: for the two rules that speak of a device, the context, of which a device can have several.
LEFT_OUT = {"Row#", "Green Context ID", "Context ID"}


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_equals_that_of_nsys_analyze(corpus: Database, rule: str, trace: str) -> None:
    # nsys takes a CUDA graph that was traced as a whole for idle time: asked the same way here.
    params = {"graphs": False} if rule.startswith("gpu_") else {}
    theirs = expected("nsys_analyze", trace, rule)
    if theirs:
        assert set(theirs[0]) - LEFT_OUT == set(RULES[rule]) - LEFT_OUT
    order = next(iter(RULES[rule]))
    assert_same(ask(corpus, rule, trace=trace, **params), theirs, RULES[rule], order)


def test_low_use_equals_that_of_the_recipe(corpus: Database) -> None:
    theirs = pl.read_parquet(EXPECTED / "nsys_recipes" / "gpu_time_util" / "analysis.parquet")
    ours = ask(corpus, "gpu_time_util", trace="llama_eager")
    for row, other in zip(ours, theirs.to_dicts(), strict=True):
        assert_printed(row["in_use_pct"], other["In-Use"], 1)
        assert (row["start_ns"], row["duration_ns"]) == (other["Start"], other["Duration"])


def test_a_graph_traced_as_a_whole_is_no_idle_time(corpus: Database) -> None:
    # nsys reports one stretch of 112 ms with 4.1 % use; in 74 ms of it the GPU replays CUDA graphs.
    assert [r["duration_ns"] for r in ask(corpus, "gpu_time_util", trace="llama_graph", graphs=False)] == [
        112_517_587
    ]
    assert ask(corpus, "gpu_time_util", trace="llama_graph") == []


def test_copies_without_async_are_listed_unless_they_return_early(tmp_path: Path) -> None:
    to_device, to_host, within = 1, 2, 8
    rows = [
        # name of the call, direction, bytes
        ("cudaMemcpy_v3020", to_device, 65_536),
        ("cudaMemcpy_v3020", to_device, 65_537),
        ("cudaMemcpy_v3020", to_host, 4),
        ("cudaMemcpy_v3020", within, 1_000_000),
        ("cudaMemcpyAsync_v3020", to_host, 1_000_000),
        ("cuMemcpyDtoH_v2", to_host, 8),
    ]
    db = hand_made(
        tmp_path,
        RUNTIME=[{"name": name, "correlationId": i} for i, (name, _, _) in enumerate(rows, 1)],
        MEMCPY=[
            {"start": i, "end": i + 10, "correlationId": i, "copyKind": kind, "bytes": size}
            for i, (_, kind, size) in enumerate(rows, 1)
        ],
    )
    assert [(r["function"], r["copy_kind"], r["bytes"]) for r in ask(db, "cuda_memcpy_sync")] == [
        ("cudaMemcpy", "Host-to-Device", 65_537),
        ("cudaMemcpy", "Device-to-Host", 4),
        ("cudaMemcpy", "Device-to-Device", 1_000_000),
        ("cuMemcpyDtoH", "Device-to-Host", 8),
    ]
    assert len(ask(db, "cuda_memcpy_sync", early_bytes=0)) == 5
    assert len(ask(db, "cuda_memcpy_sync", limit=1)) == 1


def test_memsets_of_pinned_and_managed_memory_are_listed(tmp_path: Path) -> None:
    pageable, pinned, device, managed = 0, 1, 2, 4
    db = hand_made(
        tmp_path,
        RUNTIME=[{"name": "cudaMemset_v3020", "correlationId": i} for i in (1, 2, 3, 4)]
        + [{"name": "cudaMemsetAsync_v3020", "correlationId": 5}],
        MEMSET=[
            {"start": i, "end": 2 * i, "correlationId": i, "memKind": kind, "bytes": 4}
            for i, kind in enumerate((pageable, pinned, device, managed, managed), 1)
        ],
    )
    assert [(r["dst_memory"], r["duration_ns"]) for r in ask(db, "cuda_memset_sync")] == [
        ("Managed", 4),
        ("Pinned", 2),
    ]


def test_pageable_memory_on_either_side_makes_a_copy_synchronous(tmp_path: Path) -> None:
    pageable, pinned, device = 0, 1, 2
    db = hand_made(
        tmp_path,
        RUNTIME=[{"name": "cudaMemcpyAsync_v3020", "correlationId": i} for i in (1, 2, 3)],
        MEMCPY=[
            {"end": 1, "correlationId": 1, "srcKind": pageable, "dstKind": device},
            {"end": 2, "correlationId": 2, "srcKind": device, "dstKind": pageable},
            {"end": 3, "correlationId": 3, "srcKind": pinned, "dstKind": device},
        ],
    )
    assert [r["duration_ns"] for r in ask(db, "cuda_memcpy_async")] == [2, 1]


def test_waiting_for_an_event_is_no_blocking_call(tmp_path: Path) -> None:
    names = (
        "cudaDeviceSynchronize",
        "cudaStreamSynchronize_v3020",
        "cuCtxSynchronize",
        "cudaEventSynchronize",
    )
    db = hand_made(
        tmp_path,
        RUNTIME=[{"name": n, "end": 10 - i, "correlationId": i} for i, n in enumerate(names)],
    )
    assert [(r["function"], r["duration_ns"]) for r in ask(db, "cuda_api_sync")] == [
        ("cudaDeviceSynchronize", 10),
        ("cudaStreamSynchronize", 9),
        ("cuCtxSynchronize", 8),
    ]


def test_a_gap_begins_when_the_last_of_all_operations_has_ended(tmp_path: Path) -> None:
    second = 1_000_000_000
    db = hand_made(
        tmp_path,
        KERNEL=[
            {"name": "long", "start": 0, "end": 3 * second},
            # Ends before the long one: the time after it is not idle.
            {"name": "short", "start": second, "end": second + 1, "streamId": 8},
            {"name": "late", "start": 4 * second, "end": 5 * second},
            # Half a second exactly is not longer than half a second.
            {"name": "last", "start": 5 * second + second // 2, "end": 6 * second},
            # Another process has a GPU of its own.
            {"name": "other", "start": 3 * second, "end": 4 * second, "pid": 2},
        ],
    )
    assert [(r["duration_ns"], r["start_ns"], r["next_operation"]) for r in ask(db, "gpu_gaps")] == [
        (second, 3 * second, "late")
    ]
    assert [r["duration_ns"] for r in ask(db, "gpu_gaps", min_gap_ns=second // 4)] == [second, second // 2]


def test_neighbouring_chunks_of_low_use_are_joined(tmp_path: Path) -> None:
    db = hand_made(
        tmp_path,
        KERNEL=[
            # Five chunks of 100 ns: in use for 100, 10, 30, 100 + 100 and 20 ns.
            {"name": "k", "start": 0, "end": 110},
            {"name": "k", "start": 270, "end": 400},
            {"name": "k", "start": 300, "end": 400, "streamId": 8},
            {"name": "k", "start": 480, "end": 500},
        ],
    )
    assert [
        (r["in_use_pct"], r["start_ns"], r["duration_ns"]) for r in ask(db, "gpu_time_util", chunks=5)
    ] == [(20.0, 100, 200), (20.0, 400, 100)]
    assert [r["start_ns"] for r in ask(db, "gpu_time_util", chunks=5, threshold_pct=20)] == [100]


def test_an_operation_of_no_duration_is_no_obstacle(tmp_path: Path) -> None:
    db = hand_made(tmp_path, KERNEL=[{"name": "k", "start": 5, "end": 5}])
    assert ask(db, "gpu_time_util") == []
    assert ask(db, "gpu_gaps", min_gap_ns=0) == []
