"""Names that SQL is written with elsewhere: NVIDIA's export has other tables, older databases other columns.

A statement that fails over one of them is answered with ours.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from traceql.read import gathered
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_NONE: Mapping[str, Collection[str]] = MappingProxyType({})
_NOT_KEPT = "is not kept: nsys export writes it"

#: Table of ``nsys export`` → what stands in its place here, as the rest of a sentence.
TABLES: Mapping[str, str] = MappingProxyType(
    {
        "CUPTI_ACTIVITY_KIND_KERNEL": "is kernels",
        # As nvprof called them.
        "CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL": "is kernels",
        "CUPTI_ACTIVITY_KIND_MARKER": "is nvtx_ranges",
        "CUPTI_ACTIVITY_KIND_RUNTIME": "is api_calls",
        "CUPTI_ACTIVITY_KIND_DRIVER": "is api_calls (layer = 'driver')",
        "CUPTI_ACTIVITY_KIND_MEMCPY": "is memory_ops (kind = 'memcpy')",
        "CUPTI_ACTIVITY_KIND_MEMSET": "is memory_ops (kind = 'memset')",
        "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION": "is syncs",
        "CUPTI_ACTIVITY_KIND_GRAPH_TRACE": "is graph_launches",
        "CUPTI_ACTIVITY_KIND_CUDA_EVENT": "is event_records, and syncs says what waited for one",
        "CUDA_GRAPH_NODE_EVENTS": "is graph_nodes",
        "CUDA_GRAPH_EVENTS": "is graph_events",
        "CUDA_GPU_MEMORY_USAGE_EVENTS": "is memory_events",
        "CUDA_GPU_MEMORY_POOL_EVENTS": "is memory_pool_events",
        "CUDA_UM_CPU_PAGE_FAULT_EVENTS": "is um_cpu_page_faults",
        "CUDA_UM_GPU_PAGE_FAULT_EVENTS": "is um_gpu_page_faults",
        "NVTX_EVENTS": "is nvtx_ranges",
        "NVTX_PAYLOAD_SCHEMAS": "is resolved already: nvtx_ranges.payload",
        "NVTX_PAYLOAD_SCHEMA_ENTRIES": "is resolved already: nvtx_ranges.payload",
        "NVTX_PAYLOAD_ENUMS": "is resolved already: nvtx_ranges.payload",
        "NVTX_PAYLOAD_ENUM_ENTRIES": "is resolved already: nvtx_ranges.payload",
        "OSRT_API": "is os_calls",
        "STRINGIDS": "is resolved already: kernels.name and demangled, api_calls.name, nvtx_ranges.text",
        "GPU_METRICS": "is gpu_samples",
        "TARGET_INFO_GPU_METRICS": "is resolved already: gpu_samples.metric and unit",
        "GPU_CONTEXT_SWITCH_EVENTS": "is gpu_context_switches",
        "FECS_EVENTS": "is gpu_context_switches",
        "NET_NIC_METRIC": "is counter_samples (source = 'nic')",
        "NET_IB_SWITCH_METRIC": "is counter_samples (source = 'ib_switch')",
        "SOC_METRICS": "is counter_samples (source = 'soc')",
        "PMU_EVENTS": "is counter_samples (source = 'cpu')",
        "PMU_EVENT_COUNTERS": "is counter_samples (source = 'cpu')",
        "UNCORE_PMU_EVENTS": "is counter_samples (source = 'cpu')",
        "UNCORE_PMU_EVENT_VALUES": "is counter_samples (source = 'cpu')",
        "PERF_EVENT_SOC_OR_CPU_RAW_EVENT": "is counter_samples (source = 'soc' or 'os')",
        "PERF_EVENT_SOC_OR_CPU_METRIC_EVENT": "is counter_samples (source = 'soc')",
        "BANDWIDTH_USAGE_EVENTS": "is counter_samples (source = 'soc')",
        "BANDWIDTH_USAGE_VALUES": "is counter_samples (source = 'soc')",
        "GPU_MEMORY_USAGE_EVENTS": "is counter_samples (source = 'wddm')",
        "GPU_MEMORY_BUDGET_EVENTS": "is counter_samples (source = 'wddm')",
        "TARGET_INFO_NETWORK_METRICS": "is resolved already: counter_samples.metric and unit",
        "TARGET_INFO_NIC_INFO": "is resolved already: counter_samples.device",
        "NVTX_COUNTER_GROUPS": "is resolved already: counter_samples.metric",
        "NVTX_COUNTERS": "is resolved already: counter_samples.metric and unit",
        "NVTX_SCOPES": "is resolved already: counter_samples.device",
        "GENERIC_EVENTS": "is generic_events",
        "ETW_EVENTS": "is generic_events (source = 'ETW_EVENTS')",
        "TARGET_INFO_GPU": "is gpus",
        "TARGET_INFO_CUDA_DEVICE": "is gpus",
        "TARGET_INFO_CUDA_GPU": "is gpus",
        "TARGET_INFO_CUDA_CONTEXT_INFO": "is contexts",
        "TARGET_INFO_CUDA_STREAM": "is streams",
        "TARGET_INFO_NVTX_CUDA_STREAM": "is resolved already: streams.stream",
        "TARGET_INFO_NVTX_CUDA_CONTEXT": "is resolved already: streams.context",
        "TARGET_INFO_NVTX_CUDA_DEVICE": "is resolved already: streams.device_name",
        "TARGET_INFO_SYSTEM_ENV": "is traces: driver_version, cuda_version, cpu, cpu_cores",
        "TARGET_INFO_SESSION_START_TIME": "is traces: start_utc_ns, captured_at",
        "ANALYSIS_DETAILS": "is traces: trace_duration_ns",
        "META_DATA_CAPTURE": "is traces: settings",
        "META_DATA_EXPORT": "is traces: tool_version, settings",
        "THREADNAMES": "is threads",
        "DIAGNOSTIC_EVENT": "is diagnostics",
        "COMPOSITE_EVENTS": "is cpu_samples",
        "SAMPLING_CALLCHAINS": "is call_stacks, by cpu_samples.stack_id",
        "CUDA_CALLCHAINS": "is call_stacks, by api_calls.stack_id",
        "OSRT_CALLCHAINS": "is call_stacks, by os_calls.stack_id",
        "SCHED_EVENTS": "is thread_states",
        "PROFILER_OVERHEAD": "is profiler_overhead",
        "CUPTI_ACTIVITY_KIND_OVERHEAD": "is profiler_overhead (told_by = 'CUPTI')",
        "MPI_RANKS": "is processes (mpi_rank)",
        "PROCESSSTREAMS": _NOT_KEPT,
    }
)
_CALLS = re.compile(
    r"MPI_(P2P|COLLECTIVES|START_WAIT|OTHER)_EVENTS|UCP_(SUBMIT_|PROGRESS_)?EVENTS|(CUBLAS|CUDNN)_EVENTS"
    r"|CUPTI_ACTIVITY_KIND_OPENACC_(LAUNCH|DATA|OTHER)|OPENMP_EVENT_KIND_[A-Z_]+"
)
# What else nsys exports is not read.
_EXPORTED = re.compile(
    r"(CUPTI_ACTIVITY_KIND|MPI|UCP|NET|NIC|IB|TARGET_INFO|NVTX|CUBLAS|CUDNN|CUSOLVER|CUSPARSE|GENERIC|OPENMP|DX11"
    r"|DX12|OPENGL|VULKAN|ETW|WDDM|FECS|NVVIDEO|META_DATA|CUDA|OSRT|OPENACC)_[A-Z0-9_]+"
)

#: View of older versions → its name today.
VIEWS: Mapping[str, str] = MappingProxyType({"gpu_work": "gpu_operations", "launches": "kernel_keys"})

#: Column of ``nsys export`` → ours, where it is not the same words with underscores: the first that is there.
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "start": ("start_ns", "time_ns", "start_utc_ns"),
        "end": ("end_ns",),
        "timestamp": ("time_ns", "start_ns"),
        "duration": ("duration_ns", "trace_duration_ns"),
        "shortname": ("kernel", "operation", "name"),
        "demangledname": ("demangled", "full_name"),
        "mangledname": ("mangled",),
        "nameid": ("name", "function"),
        "textid": ("text",),
        "globalpid": ("pid",),
        "globaltid": ("pid and tid", "pid"),
        "endglobaltid": ("end_tid",),
        "eventtype": ("style",),
        "eventclass": ("layer",),
        "domainid": ("domain",),
        "metricid": ("metric",),
        "staticsharedmemory": ("static_shared_bytes",),
        "dynamicsharedmemory": ("dynamic_shared_bytes",),
        "sharedmemoryexecuted": ("executed_shared_bytes",),
        "localmemoryperthread": ("local_memory_per_thread_bytes",),
        "srckind": ("src_memory",),
        "dstkind": ("dst_memory",),
        "memkind": ("dst_memory",),
        "smcount": ("sm_count",),
    }
)

#: Table → column of older databases → its name today.
RENAMED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "traces": {"name": "trace", "kind": "profiler", "duration_ns": "trace_duration_ns"},
        "gpus": {"name": "gpu_name"},
        "processes": {"name": "process"},
        "threads": {"name": "thread"},
        "metrics": {"text": "value_text"},
    }
)

_OURS = {table.name: frozenset(column.name for column in table.columns) for table in schema.TABLES}
# SQLite takes a bare `end` for a column, DuckDB for a keyword.
_KEYWORD = re.compile(r'syntax error at or near "(?P<column>end)"', re.IGNORECASE)
_MISSING = re.compile(r'(?:column|key) (?:named )?"(?:\w+\.)?(?P<column>\w+)"', re.IGNORECASE)
_VERSIONED = re.compile(r"'(?P<name>\w+)_v\d+'")


def hints(message: str, statement: str, views: Mapping[str, Collection[str]] = _NONE) -> list[str]:
    """What names of a statement that failed are called here; nothing where it does not help.

    Args:
        message: what the database says about it.
        statement: the SQL.
        views: columns of the views that it may name.

    >>> hints("Table with name StringIds does not exist!", "FROM StringIds")
    ['StringIds is resolved already: kernels.name and demangled, api_calls.name, nvtx_ranges.text.']
    >>> hints('Referenced column "gridX" not found', "SELECT gridX FROM kernels")
    ['gridX is grid_x.']
    """
    missing = list(_MISSING.finditer(message.partition("\n")[0]))
    if keyword := _KEYWORD.search(message):
        missing.append(keyword)
    elif not re.search(r"does not exist|not found|does not have", message):
        return []
    words = dict.fromkeys(re.findall(r"\w+", statement))
    found = [f"{word} {said}." for word in words if (said := _table(word, message))]
    lower = {word.lower() for word in words}
    columns = {**_OURS, **views}
    named = [names for table, names in columns.items() if table in lower]
    for match in missing:
        column = match["column"]
        if ours := _column(column, named or list(columns.values())):
            found.append(f"{column} is {ours}.")
        found += [
            f"{table}.{column} is {table}.{renamed[column]} now."
            for table, renamed in RENAMED.items()
            if table in lower and column in renamed
        ]
    return found


def _table(word: str, message: str) -> str:
    upper = word.upper()
    if upper in TABLES:
        return TABLES[upper]
    if _CALLS.fullmatch(upper):
        return "is library_calls, with library_messages or directives"
    if gathered.belongs(upper):
        samples = upper.startswith(gathered.SAMPLES)
        return "is counter_samples" if samples else f"is generic_events (source = '{upper}')"
    if upper.startswith("ENUM_"):
        return "is resolved already: numbers are texts"
    if f"name {word} does not exist" not in message:
        # It may be a text, such as the name of an environment variable, or a column.
        return ""
    if word.lower() in VIEWS:
        return f"is {VIEWS[word.lower()]} now"
    return _NOT_KEPT if _EXPORTED.fullmatch(word) else ""


def _column(column: str, tables: Sequence[Collection[str]]) -> str:
    """What a column is called in one of some tables; empty if it is not there."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", column).lower()
    for ours in (*COLUMNS.get(column.lower(), ()), snake):
        if ours != column and any(set(ours.split(" and ")) <= set(names) for names in tables):
            return ours
    return ""


def remark(statement: str) -> str:
    """What to know about a statement that asks for the version of an API call; empty for others.

    >>> remark("FROM api_calls WHERE name = 'cudaLaunchKernel_v7000'")
    'Names of API calls come without the version that CUDA appends: cudaLaunchKernel.'
    """
    names = dict.fromkeys(match["name"] for match in _VERSIONED.finditer(statement))
    if not names:
        return ""
    return f"Names of API calls come without the version that CUDA appends: {', '.join(names)}."
