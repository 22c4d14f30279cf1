"""The questions that NVIDIA answers too: equal to what nsys stats and nsys recipe print, value for value."""

from __future__ import annotations

from typing import Any

import pytest
from nsys_oracle import TRACES, Columns, Row, ask, assert_same, expected, recorded


def _spread(column: str) -> Any:
    # NVIDIA prints 0.0 for the spread of a single value; here it is NULL, because one value has none.
    return lambda row: 0.0 if row[column] is None else row[column]


def _total(count: str, count_column: str) -> Columns:
    return {
        "Time (%)": ("share_pct", 1),
        "Total Time (ns)": ("total_ns", None),
        count: (count_column, None),
        "Avg (ns)": ("avg_ns", 1),
        "Med (ns)": ("median_ns", 1),
        "Min (ns)": ("min_ns", None),
        "Max (ns)": ("max_ns", None),
        "StdDev (ns)": (_spread("stddev_ns"), 1),
    }


def _dim3(prefix: str) -> Any:
    return lambda row: "{:4d} {:4d} {:4d}".format(*(row[f"{prefix}_{axis}"] for axis in "xyz"))


def _megabytes(column: str) -> Any:
    # A megabyte is 10^6 bytes.
    return lambda row: None if row[column] is None else row[column] / 1e6


def _spread_megabytes(row: Row) -> float:
    return (row["stddev_bytes"] or 0.0) / 1e6


def _throughput(row: Row) -> float | None:
    # nsys divides whole numbers (10^9 // duration) before it multiplies, and so loses up to one per mille of
    # the rate of a microsecond's copy. Ours is exact; what is compared is their formula on our columns.
    if row["bytes"] is None:
        return None
    assert row["bytes_per_s"] == pytest.approx(1e9 * row["bytes"] / row["duration_ns"])
    return float(10**9 // row["duration_ns"] * row["bytes"] / 1e6)


def _gpu(row: Row) -> str:
    return f"{row['gpu']} ({row['device_id']})"


def _source_memory(row: Row) -> str | None:
    # nsys prints the memory that a memset writes as its source; here it is the destination.
    return row["dst_memory"] if row["work"] == "memset" else row["src_memory"]


def _destination_memory(row: Row) -> str | None:
    return None if row["work"] == "memset" else row["dst_memory"]


REPORTS: dict[str, tuple[Columns, dict[str, Any], str]] = {
    "cuda_api_sum": (
        {**_total("Num Calls", "calls"), "Name": ("api_name", None)},
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_kern_sum": (
        {**_total("Instances", "instances"), "Name": ("kernel", None)},
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_kern_gb_sum": (
        {
            **_total("Instances", "instances"),
            "GridXYZ": (_dim3("grid"), None),
            "BlockXYZ": (_dim3("block"), None),
            "Name": ("kernel", None),
        },
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_sum": (
        {
            **_total("Instances", "instances"),
            "Category": ("category", None),
            "Operation": ("operation", None),
        },
        {"graphs": False},
        "Total Time (ns)",
    ),
    "cuda_api_gpu_sum": (
        {
            **_total("Instances", "instances"),
            "Category": ("category", None),
            "Operation": ("operation", None),
        },
        {"graphs": False},
        "Total Time (ns)",
    ),
    "cuda_gpu_mem_time_sum": (
        {**_total("Count", "operations"), "Operation": ("operation", None)},
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_mem_size_sum": (
        {
            "Total (MB)": (_megabytes("total_bytes"), 3),
            "Count": ("operations", None),
            "Avg (MB)": (_megabytes("avg_bytes"), 3),
            "Med (MB)": (_megabytes("median_bytes"), 3),
            "Min (MB)": (_megabytes("min_bytes"), 3),
            "Max (MB)": (_megabytes("max_bytes"), 3),
            "StdDev (MB)": (_spread_megabytes, 3),
            "Operation": ("operation", None),
        },
        {},
        "Total (MB)",
    ),
    "cuda_api_trace": (
        {
            "Start (ns)": ("start_ns", None),
            "Duration (ns)": ("duration_ns", None),
            "Name": ("api_name", None),
            "Result": ("return_value", None),
            "CorrID": ("correlation_id", None),
            "Pid": ("pid", None),
            "Tid": ("tid", None),
            "Thread Name": ("thread", None),
        },
        {},
        "Start (ns)",
    ),
    "cuda_gpu_trace": (
        {
            "Start (ns)": ("start_ns", None),
            "Duration (ns)": ("duration_ns", None),
            "CorrId": ("correlation_id", None),
            "GrdX": ("grid_x", None),
            "GrdY": ("grid_y", None),
            "GrdZ": ("grid_z", None),
            "BlkX": ("block_x", None),
            "BlkY": ("block_y", None),
            "BlkZ": ("block_z", None),
            "Reg/Trd": ("registers_per_thread", None),
            "StcSMem (MB)": (_megabytes("static_shared_bytes"), 3),
            "DymSMem (MB)": (_megabytes("dynamic_shared_bytes"), 3),
            "Bytes (MB)": (_megabytes("bytes"), 3),
            "Throughput (MB/s)": (_throughput, 3),
            "SrcMemKd": (_source_memory, None),
            "DstMemKd": (_destination_memory, None),
            "Device": (_gpu, None),
            "Ctx": ("context_id", None),
            "Strm": ("stream_id", None),
            "Name": ("name", None),
        },
        {"graphs": False},
        "Start (ns)",
    ),
    "cuda_kern_exec_trace": (
        {
            "API Start (ns)": ("api_start_ns", None),
            "API Dur (ns)": ("api_duration_ns", None),
            "Queue Start (ns)": ("queue_start_ns", None),
            "Queue Dur (ns)": ("queue_duration_ns", None),
            "Kernel Start (ns)": ("kernel_start_ns", None),
            "Kernel Dur (ns)": ("kernel_duration_ns", None),
            "Total Dur (ns)": ("total_ns", None),
            "PID": ("pid", None),
            "TID": ("tid", None),
            "DevId": ("device_id", None),
            "API Function": ("api_name", None),
            "GridXYZ": (_dim3("grid"), None),
            "BlockXYZ": (_dim3("block"), None),
            "Kernel Name": ("kernel", None),
        },
        {},
        "API Start (ns)",
    ),
    "cuda_kern_exec_sum": (
        {
            "PID": ("pid", None),
            "TID": ("tid", None),
            "DevId": ("device_id", None),
            "Count": ("instances", None),
            "QCount": ("queued", None),
            **{
                f"{letter}{figure} (ns)": (
                    _spread(f"{part}_stddev_ns") if figure == "StdDev" else f"{part}_{column}_ns",
                    digits,
                )
                for letter, part in (("T", "total"), ("A", "api"), ("Q", "queue"), ("K", "kernel"))
                for figure, column, digits in (
                    ("Avg", "avg", 1),
                    ("Med", "median", 1),
                    ("Min", "min", None),
                    ("Max", "max", None),
                    ("StdDev", "stddev", 1),
                )
            },
            "API Name": ("api_name", None),
            "Kernel Name": ("kernel", None),
        },
        {},
        "TAvg (ns)",
    ),
}


#: Columns of NVIDIA's that have no counterpart in the canonical tables: a thread's priority, and a context
#: that none of the traces uses.
LEFT_OUT = {"T-Pri", "GreenCtx"}


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("report", REPORTS)
def test_a_report_equals_that_of_nsys_stats(report: str, trace: str) -> None:
    columns, params, order = REPORTS[report]
    theirs = expected("nsys_stats", trace, report)
    assert theirs
    assert set(theirs[0]) - LEFT_OUT == set(columns)
    assert all(row.get("GreenCtx", "") == "" for row in theirs)
    assert_same(ask(recorded(), report, trace=trace, **params), theirs, columns, order)
