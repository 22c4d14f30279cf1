"""What the report says about itself, held against what was decoded; and what was not understood."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from traceql.read.nsys_rep import layout
from traceql.read.protobuf import BYTES, WIRE_TYPE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traceql.read.nsys_rep.messages import Path
    from traceql.read.nsys_rep.tally import Tally

_COLLECTED: Final = re.compile(
    r"Number of (CUDA|NVTX|OS runtime libraries|OpenACC|OpenMP|OpenGL|Vulkan) events collected:\s*(\d{1,18})"
)

# What the profiler counts under each name, as (payload, class). It counts OS calls either with or without the
# markers of where their tracing began and ended.
_COUNTED: Final[Mapping[str, tuple[frozenset[tuple[int, int]], ...]]] = {
    "CUDA": (
        frozenset(
            {(layout.TRACE, 0), (layout.TRACE, 1), (layout.CUDA, 1), (layout.CUDA, 2), (layout.CUDA, 3)}
        ),
    ),
    "NVTX": (frozenset({(layout.NVTX, -1)}),),
    "OS runtime libraries": (
        frozenset({(layout.TRACE, 27)}),
        frozenset({(layout.TRACE, 27), (layout.TRACE, 31), (layout.TRACE, 32)}),
    ),
    "OpenACC": (frozenset({(layout.TRACE, 48)}),),
    "OpenMP": (frozenset({(layout.TRACE, 78)}),),
    "OpenGL": (frozenset({(layout.TRACE, 2), (layout.TRACE, 5)}),),
    "Vulkan": (frozenset((layout.TRACE, one) for one in (53, 60, 66, 93)),),
}

# Table names by submessage, for messages that belong to one table only.
_TABLE_OF: Final[Mapping[Path, str]] = {
    (layout.NVTX,): "NVTX_EVENTS",
    (layout.SAMPLE,): "COMPOSITE_EVENTS",
    (layout.SAMPLE, 4): "SAMPLING_CALLCHAINS",
    (layout.SCHEDULING,): "SCHED_EVENTS",
    (layout.DIAGNOSTIC,): "DIAGNOSTIC_EVENT",
    (layout.PROCESS,): "PROCESSES",
    (layout.MEMORY_USE,): "CUDA_GPU_MEMORY_USAGE_EVENTS",
    (layout.MEMORY_POOL,): "CUDA_GPU_MEMORY_POOL_EVENTS",
    (layout.PERF,): "PERF_EVENT_SOC_OR_CPU_RAW_EVENT",
    (layout.CPU_FAULT,): "CUDA_UM_CPU_PAGE_FAULT_EVENTS",
    (layout.GPU_FAULT,): "CUDA_UM_GPU_PAGE_FAULT_EVENTS",
    (layout.CUDA,): "CUPTI_ACTIVITY_KIND_*",
    (layout.CUDA, 101): "CUPTI_ACTIVITY_KIND_KERNEL",
    (layout.CUDA, 102): "CUPTI_ACTIVITY_KIND_MEMCPY",
    (layout.CUDA, 103): "CUPTI_ACTIVITY_KIND_MEMSET",
    (layout.CUDA, 105): "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION",
    (layout.CUDA, 106): "CUPTI_ACTIVITY_KIND_CUDA_EVENT",
    (layout.CUDA, 107): "CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
    (layout.TRACE,): "CUPTI_ACTIVITY_KIND_RUNTIME, OSRT_API or another table of traced calls",
    (layout.TRACE, 15): "OSRT_CALLCHAINS",
    (layout.TRACE, 27): "VULKAN_*",
    (layout.DEBUG_LABEL,): "KHR_DEBUG_EVENTS",
    (layout.TRACE, 25): "CUPTI_ACTIVITY_KIND_OPENACC_*",
    (layout.TRACE, 33): "CUDA_GRAPH_NODE_EVENTS",
    (layout.TRACE, 34): "OPENMP_EVENT_KIND_*",
    (layout.TRACE, 37): "CUDA_GRAPH_EVENTS",
    (layout.TRACE, 38): "CUDA_GRAPH_EVENTS",
    (layout.TRACE, 39): "CUDA_GRAPH_EVENTS",
}


@dataclass
class Findings:
    """Whether the report's own counts agree (None: it has none), and sentences for the user."""

    counts_agree: bool | None = None
    warnings: list[str] = field(default_factory=list)


def diagnostics(rows: Iterable[tuple[str | None, int | None]], tally: Tally) -> Findings:
    """Compare the report's own counts with the decoded ones.

    Args:
        rows: (text, globalPid) of each diagnostic.
        tally: what was decoded.
    """
    findings = Findings()
    promised: Counter[tuple[str, int]] = Counter()
    for text, pid in rows:
        if (collected := _COLLECTED.search(text or "")) is not None:
            promised[collected[1], (pid or 0) >> 24] += int(collected[2])
            findings.counts_agree = True
    for (what, process), count in promised.items():
        decoded = [
            sum(tally.owned[payload, event_class, process] for payload, event_class in kinds)
            for kinds in _COUNTED[what]
        ]
        if count not in decoded:
            findings.counts_agree = False
            findings.warnings.append(
                f"The report counts {count} {what} events of process {process & 0xFFFFFF}, "
                f"{decoded[0]} were decoded."
            )
    return findings


def unknown(tally: Tally) -> list[str]:
    """A sentence for each kind of event or field that is not known, naming the table in doubt."""
    known_classes = {(payload, event_class) for payload, event_class in _classes()}
    sentences = [
        f"{count} events have the unknown type {event_type}; what they say may be missing."
        for event_type, count in sorted(tally.types.items())
    ]
    sentences += [
        f"{count} generic events of the type {type_id} have no known layout: they are in no table."
        for type_id, count in sorted(tally.generic_types.items())
    ]
    sentences += [
        f"{count} {layout.PAYLOAD_NAMES[payload]} events of the unknown class {event_class} are in no table."
        for (payload, event_class), count in sorted(tally.classes.items())
        if event_class >= 0 and (payload, event_class) not in known_classes
    ]
    for (path, wire_type), count in sorted(tally.unknown.fields.items()):
        name = ".".join(map(str, path))
        if len(path) == 1:
            consequence = "they are in no table" if wire_type == BYTES else "what it says is ignored"
            sentences.append(
                f"{count} events have the unknown field {name} ({WIRE_TYPE_NAMES[wire_type]}): {consequence}."
            )
        else:
            sentences.append(
                f"{_table_of(path)} may be incomplete: unknown field {name} "
                f"({WIRE_TYPE_NAMES[wire_type]}, {count} times)."
            )
    return sentences + [f"{note}." for note in sorted(tally.notes)]


def _classes() -> Iterable[tuple[int, int]]:
    for table in layout.EVENT_TABLES:
        for event_class in table.classes or ():
            yield table.payload, event_class
    for event_class in layout.UNEXPORTED_TRACE_CLASSES:
        yield layout.TRACE, event_class


def _table_of(path: Path) -> str:
    for length in range(len(path) - 1, 0, -1):
        if path[:length] in _TABLE_OF:
            return _TABLE_OF[path[:length]]
    return f"The {layout.PAYLOAD_NAMES.get(path[0], 'unknown')} events"
