"""The columns that ``nsys stats --format csv`` prints, for the questions that bear its reports' names.

Each is a SQL expression over the answer: NVIDIA rounds, counts in megabytes (10^6 bytes) and prints 0.0 for
the spread of a single value.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def _spread(short: str = "", part: str = "") -> dict[str, str]:
    of = f"{part}_ns" if part else "ns"
    return {
        f"{short}Avg (ns)": f"round(avg_{of}, 1)",
        f"{short}Med (ns)": f"round(median_{of}, 1)",
        f"{short}Min (ns)": f"min_{of}",
        f"{short}Max (ns)": f"max_{of}",
        f"{short}StdDev (ns)": f"round(coalesce(stddev_{of}, 0), 1)",
    }


def _sum(count: str, column: str, **last: str) -> dict[str, str]:
    return {
        "Time (%)": "round(share_pct, 1)",
        "Total Time (ns)": "total_ns",
        count: column,
        **_spread(),
        **last,
    }


def _megabytes(column: str) -> str:
    return f"round({column} / 1e6, 3)"


def _dim3(prefix: str) -> str:
    return f"printf('%4d %4d %4d', {prefix}_x, {prefix}_y, {prefix}_z)"


#: Question → header → expression over its answer, in NVIDIA's order.
HEADERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "cuda_api_sum": _sum("Num Calls", "calls", Name="function"),
        "osrt_sum": _sum("Num Calls", "calls", Name="function"),
        "cuda_gpu_kern_sum": _sum("Instances", "instances", Name="kernel"),
        "cuda_gpu_kern_gb_sum": _sum(
            "Instances", "instances", GridXYZ=_dim3("grid"), BlockXYZ=_dim3("block"), Name="kernel"
        ),
        "cuda_gpu_sum": _sum("Instances", "instances", Category="category", Operation="operation"),
        "cuda_api_gpu_sum": _sum("Instances", "instances", Category="category", Operation="operation"),
        "cuda_gpu_mem_time_sum": _sum("Count", "instances", Operation="operation"),
        "cuda_gpu_mem_size_sum": {
            "Total (MB)": _megabytes("total_bytes"),
            "Count": "instances",
            "Avg (MB)": _megabytes("avg_bytes"),
            "Med (MB)": _megabytes("median_bytes"),
            "Min (MB)": _megabytes("min_bytes"),
            "Max (MB)": _megabytes("max_bytes"),
            "StdDev (MB)": _megabytes("coalesce(stddev_bytes, 0)"),
            "Operation": "operation",
        },
        "cuda_api_trace": {
            "Start (ns)": "start_ns",
            "Duration (ns)": "duration_ns",
            "Name": "function",
            "Result": "return_value",
            "CorrID": "correlation_id",
            "Pid": "pid",
            "Tid": "tid",
            "T-Pri": "NULL",
            "Thread Name": "thread",
        },
        "cuda_gpu_trace": {
            "Start (ns)": "start_ns",
            "Duration (ns)": "duration_ns",
            "CorrId": "correlation_id",
            **{
                f"{short}{axis.upper()}": f"{long}_{axis}"
                for short, long in (("Grd", "grid"), ("Blk", "block"))
                for axis in "xyz"
            },
            "Reg/Trd": "registers_per_thread",
            "StcSMem (MB)": _megabytes("static_shared_bytes"),
            "DymSMem (MB)": _megabytes("dynamic_shared_bytes"),
            "Bytes (MB)": _megabytes("bytes"),
            "Throughput (MB/s)": "round(bytes_per_s / 1e6, 3)",
            # The memory that a memset writes is its source there.
            "SrcMemKd": "CASE kind WHEN 'memset' THEN dst_memory ELSE src_memory END",
            "DstMemKd": "CASE WHEN kind <> 'memset' THEN dst_memory END",
            "Device": "gpu || ' (' || device_id || ')'",
            "Ctx": "context_id",
            "GreenCtx": "NULL",
            "Strm": "stream_id",
            "Name": "operation",
        },
        "cuda_kern_exec_trace": {
            "API Start (ns)": "api_start_ns",
            "API Dur (ns)": "api_duration_ns",
            "Queue Start (ns)": "queue_start_ns",
            "Queue Dur (ns)": "queue_duration_ns",
            "Kernel Start (ns)": "kernel_start_ns",
            "Kernel Dur (ns)": "kernel_duration_ns",
            "Total Dur (ns)": "total_ns",
            "PID": "pid",
            "TID": "tid",
            "DevId": "device_id",
            "API Function": "function",
            "GridXYZ": _dim3("grid"),
            "BlockXYZ": _dim3("block"),
            "Kernel Name": "kernel",
        },
        "cuda_kern_exec_sum": {
            "PID": "pid",
            "TID": "tid",
            "DevId": "device_id",
            "Count": "instances",
            "QCount": "queued",
            **_spread("T", "total"),
            **_spread("A", "api"),
            **_spread("Q", "queue"),
            **_spread("K", "kernel"),
            "API Name": "function",
            "Kernel Name": "kernel",
        },
        "nvtx_sum": _sum("Instances", "instances", Style="style", Range="range"),
        "nvtx_pushpop_sum": _sum("Instances", "instances", Range="range"),
        "nvtx_startend_sum": _sum("Instances", "instances", Range="range"),
    }
)


def statement(question: str) -> str:
    """A SELECT over the table ``answer`` with NVIDIA's columns.

    Raises:
        KeyError: none of its reports has that name, or its columns are not known.
    """
    columns = ",\n    ".join(f'{expression} AS "{name}"' for name, expression in HEADERS[question].items())
    return f"SELECT\n    {columns}\nFROM answer"
