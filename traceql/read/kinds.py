"""Kinds of reports: what each profiler's can hold, as data.

Who wants to know asks for a timeline or for counters, never for a profiler. Every trace of a database says
it itself (``traces.has_timeline``, ``traces.has_counters``).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Kind:
    """One kind of report.

    Attributes:
        name: of the profiler, as in ``profiler``.
        title: its name for people.
        has_timeline: whether events have times.
        has_counters: whether launches have hardware counters.
        pipeline: folder of `traceql.tables.normalise` with its steps.
        graph_option: command that records the kernels of CUDA graphs one by one; empty if there is none.
    """

    name: str
    title: str
    has_timeline: bool
    has_counters: bool
    pipeline: str
    graph_option: str = ""


#: Every kind that a reader returns, by name.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                "nsys",
                "Nsight Systems",
                has_timeline=True,
                has_counters=False,
                pipeline="nsys",
                graph_option="nsys profile --cuda-graph-trace=node",
            ),
            Kind(
                "ncu",
                "Nsight Compute",
                has_timeline=False,
                has_counters=True,
                pipeline="ncu",
                graph_option="ncu --graph-profiling node",
            ),
        )
    }
)


def title(name: str) -> str:
    """The profiler's name for people; of a kind that only a newer traceql knows, its name.

    >>> title("nsys"), title("another")
    ('Nsight Systems', 'another')
    """
    return KINDS[name].title if name in KINDS else name


def has_timeline(name: str) -> bool:
    """Whether events of the profiler's traces have times; of a kind that is not known they may.

    >>> has_timeline("nsys"), has_timeline("ncu"), has_timeline("another")
    (True, False, True)
    """
    return name not in KINDS or KINDS[name].has_timeline


def graph_option(name: str) -> str:
    """The command that records the kernels of CUDA graphs one by one; empty if none is known."""
    return KINDS[name].graph_option if name in KINDS else ""
