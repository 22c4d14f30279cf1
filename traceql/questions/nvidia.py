"""The columns that ``nsys stats --format csv`` prints, for the questions that bear its reports' names.

Each is a SQL expression over the answer: NVIDIA rounds, counts in megabytes (10^6 bytes) and prints 0.0 for
the spread of a single value. Start/end ranges hold others there, and a graph traced node by node is one
operation; `traceql.ask.nsys_stats` asks for what that takes.
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


def _thousandths(number: str) -> str:
    # As printf rounds: 86.8055 is a little less in binary.
    return f"printf('%.3f', {number})::DECIMAL(18, 3)"


def _megabytes(column: str) -> str:
    return _thousandths(f"{column} / 1e6")


def _moved(column: str) -> str:
    return _megabytes(f"nullif({column}, 0)")


def _rate(moved: str, duration_ns: str) -> str:
    # NVIDIA divides whole numbers before it multiplies, and so loses up to one per mille.
    return _thousandths(f"(1000000000 // {duration_ns}) * ({moved}) / 1e6")


def _address(column: str) -> str:
    return f"'0x' || upper(substr({column}, 3))"


#: Domain and text of a range: of the default domain, a colon and the text.
_RANGE = "domain || ':' || coalesce(range, '')"
_STYLE = "CASE style WHEN 'pushpop' THEN 'PushPop' WHEN 'startend' THEN 'StartEnd' END"


_MOVED = "to_device_bytes + to_host_bytes"
#: The time of a page's migrations is what its exact rate makes of its bytes.
_RATE_OF_PAGE = _rate(_MOVED, f"round(1e9 * ({_MOVED}) / bytes_per_s)::BIGINT")


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
            "Throughput (MB/s)": _rate("bytes", "nullif(duration_ns, 0)"),
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
        "nvtx_sum": _sum("Instances", "instances", Style=_STYLE, Range=_RANGE),
        "nvtx_pushpop_sum": _sum("Instances", "instances", Range=_RANGE),
        "nvtx_startend_sum": _sum("Instances", "instances", Range=_RANGE),
        "nvtx_kern_sum": {
            "NVTX Range": _RANGE,
            "Style": _STYLE,
            "PID": "pid",
            "TID": "tid",
            "NVTX Inst": "range_instances",
            "Kern Inst": "instances",
            "Total Time (ns)": "total_ns",
            **_spread(),
            "Kernel Name": "kernel",
        },
        "nvtx_pushpop_trace": {
            "Start (ns)": "start_ns",
            "End (ns)": "end_ns",
            "Duration (ns)": "duration_ns",
            "DurChild (ns)": "children_ns",
            "DurNonChild (ns)": "own_ns",
            "Name": _RANGE,
            "PID": "pid",
            "TID": "tid",
            "Lvl": "depth",
            "NumChild": "children",
            "RangeId": "range_id",
            "ParentId": "parent_id",
            "RangeStack": "range_stack",
            "NameTree": f"repeat('--', depth) || {_RANGE}",
        },
        "nvtx_gpu_proj_trace": {
            "Name": _RANGE,
            "Projected Start (ns)": "projected_start_ns",
            "Projected Duration (ns)": "projected_duration_ns",
            "Orig Start (ns)": "start_ns",
            "Orig Duration (ns)": "duration_ns",
            "Style": _STYLE,
            "PID": "pid",
            "TID": "tid",
            "NumGPUOps": "launches",
            "Lvl": "level",
            "NumChild": "children",
            "RangeId": "range_id",
            "ParentId": "holder_id",
            "RangeStack": "range_stack",
        },
        "nvtx_gpu_proj_sum": {
            "Range": _RANGE,
            "Style": _STYLE,
            "Total Proj Time (ns)": "total_proj_ns",
            "Total Range Time (ns)": "total_range_ns",
            "Range Instances": "instances",
            **{f"Proj {name}": value for name, value in _spread(part="proj").items()},
            "Total GPU Ops": "launches",
            "Avg GPU Ops": "round(launches / instances, 1)",
            "Avg Range Lvl": "round(avg_level, 1)",
            "Avg Num Child": "round(avg_children, 1)",
        },
        "mpi_event_sum": _sum("Instances", "instances", Source="source", Name="function"),
        "mpi_event_trace": {
            "Start (ns)": "start_ns",
            "End (ns)": "end_ns",
            "Duration (ns)": "duration_ns",
            "Event": "function",
            "Pid": "pid",
            "Tid": "tid",
            "Tag": "tag",
            "Rank": "mpi_rank",
            "PeerRank": "peer_rank",
            "RootRank": "root_rank",
            "Size (MB)": _megabytes("message_bytes"),
            "CollSendSize (MB)": _megabytes("sent_bytes"),
            "CollRecvSize (MB)": _megabytes("received_bytes"),
        },
        "mpi_msg_size_sum": {
            "Total Message Volume": "total_bytes",
            "Instances": "instances",
            "Avg": "round(avg_bytes, 1)",
            "Med": "round(median_bytes, 1)",
            "Min": "min_bytes",
            "Max": "max_bytes",
            "StdDev": "round(coalesce(stddev_bytes, 0), 1)",
            "Source": "source",
            "Name": "function",
        },
        # Files come without their folders.
        "openacc_sum": _sum(
            "Num Calls", "calls", Name="concat(event, '@' || source_file || ':' || source_line)"
        ),
        "openmp_sum": _sum("Count", "instances", Name="event"),
        "um_sum": {
            "Virtual Address": _address("virtual_address"),
            "HtoD Migration size (MB)": _moved("to_device_bytes"),
            "DtoH Migration size (MB)": _moved("to_host_bytes"),
            "CPU Page Faults": "nullif(cpu_page_faults, 0)",
            " GPU Page Faults": "nullif(gpu_page_faults, 0)",
            "Migration Throughput (MB/s)": _RATE_OF_PAGE,
        },
        "um_total_sum": {
            "Total HtoD Migration Size (MB)": _megabytes("to_device_bytes"),
            "Total DtoH Migration Size (MB)": _megabytes("to_host_bytes"),
            "Total CPU Page Faults": "cpu_page_faults",
            "Total GPU PageFaults": "gpu_page_faults",
            "Minimum Virtual Address": _address("min_virtual_address"),
            "Maximum Virtual Address": _address("max_virtual_address"),
        },
        "um_cpu_page_faults_sum": {
            "CPU Page Faults": "cpu_page_faults",
            "CPU Instruction Address": "instruction",
            "Source File": "source_file",
            "Source Line": "coalesce(source_line, 0)",
        },
    }
)


#: Question → what its columns are made of, where that is more than the answer.
_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "nvtx_gpu_proj_trace": """(
    SELECT answer.* EXCLUDE (children, range_stack), nvtx_ranges.launches, nested.* EXCLUDE (range_id)
    FROM answer
    JOIN nvtx_ranges USING (range_id)
    JOIN nested_as_nsys('single') AS nested USING (range_id)
    ORDER BY answer.start_ns, answer.range_id
)""",
        "nvtx_gpu_proj_sum": """(
    WITH means AS (
        SELECT trace, domain, range, style, sum(counted.launches)::BIGINT AS launches,
               avg(nested.level) AS avg_level, avg(nested.children) AS avg_children
        FROM single
        JOIN (SELECT range_id, launches FROM nvtx_ranges) AS counted USING (range_id)
        JOIN nested_as_nsys('single') AS nested USING (range_id)
        GROUP BY trace, domain, range, style
    )
    SELECT answer.* EXCLUDE (avg_children), launches, avg_level, means.avg_children
    FROM answer
    JOIN means
        ON means.trace = answer.trace AND means.domain = answer.domain AND means.style = answer.style
        AND means.range IS NOT DISTINCT FROM answer.range
    ORDER BY total_proj_ns DESC, answer.domain, answer.range, answer.style
)""",
    }
)

#: Question → the order of its rows, where NVIDIA's is another than ours.
_ORDERS: Mapping[str, str] = MappingProxyType(
    {"um_sum": f"({_RATE_OF_PAGE}) DESC NULLS LAST, virtual_address"}
)


def statement(question: str) -> str:
    """A SELECT over the tables ``answer`` and ``single`` with NVIDIA's columns.

    ``single`` is read for the sum and the trace of projections alone: every range that has GPU work, as
    ``nvtx_gpu_proj_trace`` answers.

    Raises:
        KeyError: none of its reports has that name, or its columns are not known.
    """
    columns = ",\n    ".join(f'{expression} AS "{name}"' for name, expression in HEADERS[question].items())
    order = f"\nORDER BY {_ORDERS[question]}" if question in _ORDERS else ""
    return f"SELECT\n    {columns}\nFROM {_SOURCES.get(question, 'answer')}{order}"
