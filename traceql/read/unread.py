"""What a report holds that nobody reads: events of the profiler that no table here is made of, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: What every report of nsys has: not worth a line.
ALWAYS: Final = "overhead of the profiler"

# Table of nsys export → what it holds; frames of call stacks come with what they are of.
_KINDS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        ("COMPOSITE_EVENTS", "CPU samples"),
        ("SCHED_EVENTS", "scheduling of threads"),
        ("(CUDA|OSRT|SYSCALL)_CALLCHAINS", "call stacks of calls"),
        ("CUPTI_ACTIVITY_KIND_CUDA_EVENT", "records of CUDA events"),
        ("CUDA_GPU_MEMORY_POOL_EVENTS", "memory pools"),
        (r"CUPTI_ACTIVITY_KIND_OPENACC_\w+", "OpenACC"),
        (r"OPENMP_\w+", "OpenMP"),
        (r"MPI_\w+_EVENTS", "MPI"),
        (r"UC[PX]_\w*EVENTS", "UCX"),
        (r"(CUBLAS|CUDNN|CUSOLVER|CUSPARSE|CUTENSOR)_EVENTS", "calls of CUDA libraries"),
        ("PROFILER_OVERHEAD|CUPTI_ACTIVITY_KIND_OVERHEAD", ALWAYS),
    )
)


def said(tables: Mapping[str, int | None], wanted: Collection[str]) -> list[str]:
    """What of a report's tables is not read, one text each, with how many there are where that is known.

    Args:
        tables: of the report that have rows, by the tool's own names; rows where they were counted.
        wanted: those that are read.

    >>> said({"SCHED_EVENTS": 1234, "MPI_P2P_EVENTS": None, "NVTX_EVENTS": 7}, ["NVTX_EVENTS"])
    ['scheduling of threads (1,234)', 'MPI']
    """
    counts: dict[str, int | None] = {}
    for name, rows in tables.items():
        words = next((words for pattern, words in _KINDS if pattern.fullmatch(name)), None)
        if words is not None and name not in wanted:
            before = counts.get(words, 0)
            counts[words] = None if rows is None or before is None else before + rows
    order = [words for _, words in _KINDS]
    return [
        words if counts[words] is None else f"{words} ({counts[words]:,})"
        for words in sorted(counts, key=order.index)
    ]
