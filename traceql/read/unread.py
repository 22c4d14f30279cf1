"""What a report holds that nobody reads: events of the profiler that no table here is made of, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Table of nsys export → what it holds.
_KINDS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        ("SYSCALL_CALLCHAINS", "call stacks of system calls"),
        ("MPI_COMMUNICATORS", "communicators of MPI"),
        (r"(CUSOLVER|CUSPARSE|CUTENSOR)_EVENTS", "calls of CUDA libraries"),
    )
)


def said(tables: Mapping[str, int | None], wanted: Collection[str]) -> list[str]:
    """What of a report's tables is not read, one text each, with how many there are where that is known.

    Args:
        tables: of the report that have rows, by the tool's own names; rows where they were counted.
        wanted: those that are read.

    >>> said({"SYSCALL_CALLCHAINS": 1234, "MPI_COMMUNICATORS": None, "NVTX_EVENTS": 7}, ["NVTX_EVENTS"])
    ['call stacks of system calls (1,234)', 'communicators of MPI']
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
