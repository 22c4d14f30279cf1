"""Names that SQL is written with elsewhere: NVIDIA's export has other tables, older databases other columns.

A statement that fails over one of them is answered with ours.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_KEPT = "is not kept: nsys export writes it"

#: Table of ``nsys export`` → what stands in its place here, as the rest of a sentence.
TABLES: Mapping[str, str] = MappingProxyType(
    {
        "CUPTI_ACTIVITY_KIND_KERNEL": "is kernels",
        "CUPTI_ACTIVITY_KIND_RUNTIME": "is api_calls",
        "CUPTI_ACTIVITY_KIND_DRIVER": "is api_calls (layer = 'driver')",
        "CUPTI_ACTIVITY_KIND_MEMCPY": "is memory_ops (kind = 'memcpy')",
        "CUPTI_ACTIVITY_KIND_MEMSET": "is memory_ops (kind = 'memset')",
        "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION": "is syncs",
        "CUPTI_ACTIVITY_KIND_GRAPH_TRACE": "is graph_launches",
        "CUDA_GRAPH_NODE_EVENTS": "is graph_nodes",
        "CUDA_GRAPH_EVENTS": _NOT_KEPT,
        "CUDA_GPU_MEMORY_USAGE_EVENTS": _NOT_KEPT,
        "CUDA_UM_CPU_PAGE_FAULT_EVENTS": "is um_cpu_page_faults",
        "CUDA_UM_GPU_PAGE_FAULT_EVENTS": "is um_gpu_page_faults",
        "NVTX_EVENTS": "is nvtx_ranges",
        "OSRT_API": "is os_calls",
        "STRINGIDS": "is resolved already: kernels.name and demangled, api_calls.name, nvtx_ranges.text",
        "GPU_METRICS": "is gpu_samples",
        "TARGET_INFO_GPU_METRICS": "is resolved already: gpu_samples.metric and unit",
        "TARGET_INFO_GPU": "is gpus",
        "TARGET_INFO_CUDA_DEVICE": "is gpus",
        "TARGET_INFO_SYSTEM_ENV": "is traces: driver_version, cuda_version, cpu, cpu_cores",
        "TARGET_INFO_SESSION_START_TIME": "is traces: start_utc_ns, captured_at",
        "ANALYSIS_DETAILS": "is traces: trace_duration_ns",
        "META_DATA_CAPTURE": "is traces: settings",
        "META_DATA_EXPORT": "is traces: tool_version, settings",
        "THREADNAMES": "is threads",
        "DIAGNOSTIC_EVENT": "is diagnostics",
        "COMPOSITE_EVENTS": _NOT_KEPT,
        "SAMPLING_CALLCHAINS": _NOT_KEPT,
        "CUDA_CALLCHAINS": _NOT_KEPT,
        "OSRT_CALLCHAINS": _NOT_KEPT,
        "SCHED_EVENTS": _NOT_KEPT,
        "PROFILER_OVERHEAD": _NOT_KEPT,
    }
)

#: Column of ``nsys export`` → ours, where it is not the same words with underscores.
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "start": "start_ns",
        "end": "end_ns",
        "timestamp": "time_ns",
        "shortname": "name",
        "demangledname": "demangled",
        "mangledname": "mangled",
        "nameid": "name",
        "textid": "text",
        "globalpid": "pid",
        "globaltid": "pid and tid",
        "endglobaltid": "end_tid",
        "eventtype": "style",
        "eventclass": "layer",
        "domainid": "domain",
        "staticsharedmemory": "static_shared_bytes",
        "dynamicsharedmemory": "dynamic_shared_bytes",
        "sharedmemoryexecuted": "executed_shared_bytes",
        "localmemoryperthread": "local_memory_per_thread_bytes",
        "srckind": "src_memory",
        "dstkind": "dst_memory",
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

_OURS = frozenset(column.name for table in schema.TABLES for column in table.columns)
_MISSING = re.compile(r'(?:column|key) (?:named )?"(?:\w+\.)?(?P<column>\w+)"', re.IGNORECASE)
_VERSIONED = re.compile(r"'(?P<name>\w+)_v\d+'")


def hints(message: str, statement: str) -> list[str]:
    """What names of a statement that failed are called here; nothing where it does not help.

    Args:
        message: what the database says about it.
        statement: the SQL.

    >>> hints("Table with name StringIds does not exist!", "FROM StringIds")
    ['StringIds is resolved already: kernels.name and demangled, api_calls.name, nvtx_ranges.text.']
    >>> hints('Referenced column "gridX" not found', "SELECT gridX FROM kernels")
    ['gridX is grid_x.']
    """
    if not re.search(r"does not exist|not found|does not have", message):
        return []
    words = dict.fromkeys(re.findall(r"\w+", statement))
    found = [f"{word} {TABLES[word.upper()]}." for word in words if word.upper() in TABLES]
    found += [
        f"{word}: numbers are texts already." for word in words if re.fullmatch(r"ENUM_\w+", word.upper())
    ]
    lower = {word.lower() for word in words}
    for match in _MISSING.finditer(message.partition("\n")[0]):
        column = match["column"]
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", column).lower()
        ours = COLUMNS.get(column.lower()) or (snake if snake in _OURS and snake != column else "")
        if ours:
            found.append(f"{column} is {ours}.")
        found += [
            f"{table}.{column} is {table}.{renamed[column]} now."
            for table, renamed in RENAMED.items()
            if table in lower and column in renamed
        ]
    return found


def remark(statement: str) -> str:
    """What to know about a statement that asks for the version of an API call; empty for others.

    >>> remark("FROM api_calls WHERE name = 'cudaLaunchKernel_v7000'")
    'Names of API calls come without the version that CUDA appends: cudaLaunchKernel.'
    """
    names = dict.fromkeys(match["name"] for match in _VERSIONED.finditer(statement))
    if not names:
        return ""
    return f"Names of API calls come without the version that CUDA appends: {', '.join(names)}."
