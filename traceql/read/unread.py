"""What a report holds that nobody reads: events of the profiler that no table here is made of, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from traceql.read import gathered

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Table of nsys export → what it holds; the name of NVIDIA's stands with what is not said otherwise. Names of
# other tables are a stranger's.
_KINDS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"(CUSOLVER|CUSPARSE|CUTENSOR)_EVENTS", "calls of CUDA libraries"),
        (r"(NET|NIC|IB)_[A-Z0-9_]+", "of network cards and switches: {}"),
        (r"(SOC|PMU|UNCORE|PERF|BANDWIDTH|TEGRA)_[A-Z0-9_]+", "of CPUs and SoCs: {}"),
        (
            r"(ETW|WDDM|DXGI|DX1[12]|D3D1[12]|SLI|DEMOTED|TOTAL|MEMORY)_[A-Z0-9_]+",
            "of Windows and DirectX: {}",
        ),
        (r"(NV|NVAPI|NVVIDEO|NVMEDIA|OPENGL|KHR|VULKAN)_[A-Z0-9_]+", "of graphics and video: {}"),
        (
            r"(MPI|UCX|UCP|NCCL|OPENSHMEM|OPENACC|OPENMP|CUPTI_ACTIVITY_KIND|CUDA|CUBLAS|CUDNN|CUFFT|NVTXT?"
            r"|OSRT|GPU|FECS|FTRACE|SYSCALL|SAMPLING|PYTHON|GENERIC)_[A-Z0-9_]+",
            "of what nsys traced: {}",
        ),
    )
)
# They tell of others, which are read without them.
_BESIDE: Final = re.compile(r"NIC_ID_MAP|NET_IB_DEVICE\w*|ETW_(PROVIDERS|TASKS)|NVTX_PAYLOAD_\w+")


def kind(table: str, wanted: Collection[str], left: Collection[str] = ()) -> str | None:
    """What an export's table holds that is not read, in words; None if it is read, or no table of NVIDIA's.

    Args:
        table: its name.
        wanted: the tables that are read.
        left: those that would be gathered by their names and are not.
    """
    if table in wanted or (gathered.belongs(table) and table not in left) or _BESIDE.fullmatch(table):
        return None
    return next((words.format(table) for pattern, words in _KINDS if pattern.fullmatch(table)), None)


def said(tables: Mapping[str, int | None], wanted: Collection[str], left: Collection[str] = ()) -> list[str]:
    """What of a report's tables is not read, one text each, with how many there are where that is known.

    Args:
        tables: of the report that have rows, by the tool's own names; rows where they were counted.
        wanted: those that are read.
        left: those that would be gathered by their names and are not.

    >>> said({"CUSPARSE_EVENTS": 1234, "ETW_NEWS": None, "NVTX_EVENTS": 7}, ["NVTX_EVENTS"])
    ['calls of CUDA libraries (1,234)', 'of Windows and DirectX: ETW_NEWS']
    """
    counts: dict[str, int | None] = {}
    for name, rows in tables.items():
        words = kind(name, wanted, left)
        if words is not None:
            before = counts.get(words, 0)
            counts[words] = None if rows is None or before is None else before + rows
    return [words if rows is None else f"{words} ({rows:,})" for words, rows in sorted(counts.items())]
