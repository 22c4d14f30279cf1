"""Which field of which message becomes which column of which raw table; nothing is computed here.

Table and column names are those of ``nsys export``, field numbers are read off the wire. Types are those of
the export to Parquet, but for ``returnValue``, which is signed as in SQLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from traceql.read.protobuf import ANY, BYTES, FIXED32, FIXED64, VARINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.read.nsys_rep.messages import Path, Shape

#: Product version as far as it decides anything: (2025, 3).
Version: TypeAlias = tuple[int, int]

#: Exports of this version and of older ones were compared with what this reader decodes, row by row.
NEWEST_TESTED: Final[Version] = (2025, 3)

#: Stands where other tables have the payload of their events.
GENERIC: Final = 0

Type: TypeAlias = Literal["i32", "i64", "u32", "u64", "f32", "f64", "bool", "text", "binary", "blobs"]

NVTX: Final = 102
SAMPLE: Final = 104
SCHEDULING: Final = 106
CUDA: Final = 107
TRACE: Final = 108
MMAP: Final = 109
DIAGNOSTIC: Final = 110
DEBUG_LABEL: Final = 112
PROCESS: Final = 113
CONTEXT_SWITCH: Final = 114
MEMORY_USE: Final = 123
CPU_FAULT: Final = 124
GPU_FAULT: Final = 125
PERF: Final = 128
MEMORY_POOL: Final = 129

PAYLOAD_NAMES: Final[Mapping[int, str]] = {
    NVTX: "NVTX",
    SAMPLE: "CPU sample",
    SCHEDULING: "scheduling",
    CUDA: "CUDA activity",
    TRACE: "traced call",
    MMAP: "memory map",
    DIAGNOSTIC: "diagnostic",
    DEBUG_LABEL: "debug label",
    PROCESS: "process",
    CONTEXT_SWITCH: "GPU context switch",
    MEMORY_USE: "memory usage",
    CPU_FAULT: "CPU page fault",
    GPU_FAULT: "GPU page fault",
    PERF: "CPU or system counter",
    MEMORY_POOL: "memory pool",
}

#: Payloads that are decoded before all others: what calls are joined with, and of which processes they are.
FIRST: Final[frozenset[int]] = frozenset({NVTX, PROCESS})

#: Event type → the payload field that holds its content.
EVENT_TYPES: Final[Mapping[int, int]] = {
    27: PROCESS,
    28: MMAP,
    31: SAMPLE,
    **dict.fromkeys((33, 34, 39, 59, 60, 75, 76), NVTX),
    41: SCHEDULING,
    **dict.fromkeys((47, 48, 50, 96, 103, 113, 131, 132, 133), TRACE),
    49: DIAGNOSTIC,
    58: CONTEXT_SWITCH,
    **dict.fromkeys((62, 63), DEBUG_LABEL),
    **dict.fromkeys((79, 80, 106, 127, 130), CUDA),
    117: MEMORY_USE,
    119: CPU_FAULT,
    120: GPU_FAULT,
    128: PERF,
    129: MEMORY_POOL,
}


def _numbers(*fields: int) -> dict[int, int]:
    return dict.fromkeys(fields, VARINT)


_FRAME: Final[Shape] = _numbers(1, 2, 4, 5, 6, 7, 8, 9)
#: What a pipeline of Vulkan, or a stage of one, took to create.
PIPELINE_STAGE: Final[Shape] = _numbers(1, 2)
PIPELINE: Final[Shape] = {**_numbers(1, 2), 3: PIPELINE_STAGE}

#: Every field that is known to exist; another one is reported, and the table that it belongs to is in doubt.
SHAPES: Final[Mapping[int, Shape]] = {
    NVTX: {
        **_numbers(1, 2, 4, 5, 6, 9, 10, 11, 12, 13, 14),
        7: BYTES,
        8: {**_numbers(1, 2, 4, 5, 7), 3: FIXED64, 6: FIXED32, 9: BYTES},
    },
    SAMPLE: {**_numbers(1, 3, 6, 11, 12, 14), 8: ANY, 10: ANY, 4: _FRAME, 5: _numbers(1, 2)},
    SCHEDULING: _numbers(1, 3, 4, 5, 6, 7),
    CUDA: {
        **_numbers(*range(1, 10)),
        101: _numbers(1, 2, 3, 8, *range(10, 30), 31, 32, 33, 34, 35, 36),
        # 102.13 and 103.5 are the id of the graph, which has no column.
        102: _numbers(1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16),
        103: _numbers(1, 2, 3, 4, 5),
        105: _numbers(1, 2, 3, 4),
        106: _numbers(1, 2),
        # 3 and 4, of graphs that the device launches: the graph that did, and how; they have no column.
        107: _numbers(1, 2, 3, 4),
    },
    TRACE: {
        **_numbers(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 20, 21, 26, 42),
        15: _FRAME,
        25: {
            **_numbers(*range(1, 18), 20, 21),
            101: _numbers(1, 2, 3, 4),
            102: _numbers(1, 2, 3, 4),
        },
        # Of Vulkan: 7 says what a pipeline took to create, 9 what was allocated.
        27: {
            **_numbers(1, 2, 3, 5, 11, 12),
            7: PIPELINE,
            9: {**_numbers(9, 10, 11), 8: _numbers(1, 2, 3, 5)},
        },
        33: _numbers(1, 2),
        34: {1: VARINT, **{field: _numbers(*range(1, 5)) for field in range(2, 20)}},
        37: _numbers(1, 2),
        38: _numbers(1),
        39: _numbers(1, 2),
        40: BYTES,
    },
    MMAP: _numbers(1, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16),
    DIAGNOSTIC: {**_numbers(2, 3, 5), 1: _numbers(1, 2, 3), 4: BYTES},
    DEBUG_LABEL: _numbers(*range(1, 15)),
    PROCESS: {**_numbers(1, 2, 4, 11, 12, 13, 14), **dict.fromkeys((5, 6, 7, 8, 9), BYTES)},
    CONTEXT_SWITCH: _numbers(1, 2, 3, 4, 6, 7, 8),
    # 2 is the end, which is the start.
    MEMORY_USE: {**_numbers(*range(1, 11), 12, 15), 11: BYTES, 13: _numbers(1, 2, 3, 4)},
    CPU_FAULT: {**_numbers(1, 2, 3), 4: _numbers(1, 2, 8, 10, 11)},
    GPU_FAULT: _numbers(1, 2, 3, 4, 5, 6, 7),
    PERF: _numbers(*range(1, 7)),
    MEMORY_POOL: {**_numbers(*range(1, 9)), 9: _numbers(9, 10, 11)},
}

#: Binary payloads of a range or mark, and what is in one.
PAYLOADS: Final[Path] = (NVTX, 8, 9)
PAYLOAD: Final[Shape] = {1: VARINT, 2: BYTES}

#: Where a call of Vulkan tells of the pipelines that it created, and these of their stages.
PIPELINES: Final[Path] = (TRACE, 27, 7)
PIPELINE_STAGES: Final[Path] = (*PIPELINES, 3)

#: Fields that one message may hold several times.
REPEATED: Final[frozenset[Path]] = frozenset(
    {(TRACE, 15), (SAMPLE, 4), (SAMPLE, 5), (PROCESS, 9), PAYLOADS, PIPELINES, PIPELINE_STAGES}
)

#: Must be 1 everywhere: the event's times are nanoseconds from the start of the trace.
NANOSECOND_FLAGS: Final[Mapping[int, Path]] = {
    NVTX: (NVTX, 14),
    SAMPLE: (SAMPLE, 12),
    SCHEDULING: (SCHEDULING, 7),
    MMAP: (MMAP, 16),
    DIAGNOSTIC: (DIAGNOSTIC, 1, 3),
    PROCESS: (PROCESS, 12),
}

#: Fields that hold a position in the string table.
STRING_IDS: Final[frozenset[Path]] = frozenset(
    {
        (NVTX, 12),
        (NVTX, 8, 7),
        (CUDA, 101, 1),
        (CUDA, 101, 2),
        (CUDA, 101, 3),
        (TRACE, 7),
        (TRACE, 12),
        (TRACE, 27, 2),
        (DEBUG_LABEL, 6),
        (TRACE, 25, 20),
        (TRACE, 25, 21),
        (TRACE, 25, 101, 4),
        (TRACE, 25, 102, 4),
        (MMAP, 6),
        (CPU_FAULT, 4, 1),
        (CPU_FAULT, 4, 2),
        (CPU_FAULT, 4, 11),
    }
)
FRAME_STRING_IDS: Final = frozenset({1, 2})
#: Name of a traced call; what stands for none where an event of OpenMP has no name.
NAME: Final[Path] = (TRACE, 7)
NO_STRING: Final = 0xFFFFFFFF

#: Where a payload says of which class its event is.
CLASS_FIELD: Final[Mapping[int, Path]] = {CUDA: (CUDA, 7), TRACE: (TRACE, 6)}

#: Where a payload says whose event it is, and by how many bits to shift that down to the process.
OWNER_FIELD: Final[Mapping[int, Path]] = {
    NVTX: (NVTX, 9),
    CUDA: (CUDA, 8),
    TRACE: (TRACE, 13),
    DEBUG_LABEL: (DEBUG_LABEL, 7),
    MEMORY_USE: (MEMORY_USE, 5),
    CPU_FAULT: (CPU_FAULT, 2),
    GPU_FAULT: (GPU_FAULT, 4),
    MEMORY_POOL: (MEMORY_POOL, 5),
}

#: CUDA event class → the submessage that events of this class have, and no others.
CUDA_DETAILS: Final[Mapping[int, int]] = {1: 102, 2: 103, 3: 101, 5: 105, 6: 106, 7: 107}

# Markers of what the profiler was doing, and module loading: the export has no table for them.
UNEXPORTED_TRACE_CLASSES: Final = frozenset({6, 7, 8, 9, 10, 11, 12, 45, 46, 47, 68, 69, 79, 80, 102, 103})


class Column(NamedTuple):
    """A column of an event table.

    Attributes:
        name: as ``nsys export`` names it.
        type: of its values.
        paths: fields that hold the value, the first one present wins; without one the column is NULL.
        since: the version whose export first had the column; None: all that were seen.
        until: the first version whose export takes the value from elsewhere.
    """

    name: str
    type: Type
    paths: tuple[Path, ...] = ()
    since: Version | None = None
    until: Version | None = None


FRAME_COLUMNS: Final[tuple[Column, ...]] = (
    Column("symbol", "u64", ((1,),)),
    Column("module", "u64", ((2,),)),
    Column("kernelMode", "u32", ((4,),)),
    Column("thumbCode", "u32", ((5,),)),
    Column("unresolved", "u32", ((6,),)),
    Column("specialEntry", "u32", ((7,),)),
    Column("originalIP", "u64", ((8,),)),
    Column("unwindMethod", "u32", ((9,),)),
)

# Chains of CUDA calls are unwound by the profiler's library, which knows less of a frame.
CUDA_FRAME_COLUMNS: Final = tuple(
    column for column in FRAME_COLUMNS if column.name in {"symbol", "module", "unresolved", "originalIP"}
)


class Chains(NamedTuple):
    """A table of call-chain frames that belongs to an event table.

    Attributes:
        name: of the table of frames.
        field: the repeated field that holds them.
        id_column: the event table's column that refers to the chain.
        columns: of the table of frames, without id and depth.
        every_event: True when every event has a number, with frames or without (CPU samples).
        missing: the event's value when it has no frames.
        first: number of the first chain.
    """

    name: str
    field: Path
    id_column: str
    columns: tuple[Column, ...] = FRAME_COLUMNS
    every_event: bool = False
    missing: int | None = None
    first: int = 1


class EventTable(NamedTuple):
    """A raw table with one row per event.

    Attributes:
        name: as ``nsys export`` names it.
        payload: the payload field of its events.
        columns: in the export's order.
        classes: the event classes that it takes; None where the payload has no classes.
        having: submessage that an event must have to belong here.
        lacking: submessages that it must not have.
        chains: where its call chains go.
    """

    name: str
    payload: int
    columns: tuple[Column, ...]
    classes: frozenset[int] | None = None
    having: Path | None = None
    lacking: frozenset[Path] = frozenset()
    chains: Chains | None = None


def _columns(payload: int | None, *specs: str) -> tuple[Column, ...]:
    """Columns out of ``name type field.field`` lines: the fields count from the payload, if there is one."""
    columns = []
    outer = () if payload is None else (payload,)
    for spec in specs:
        name, kind, *paths = spec.split()
        columns.append(
            Column(name, kind, tuple((*outer, *map(int, path.split("."))) for path in paths))  # type: ignore[arg-type]
        )
    return tuple(columns)


_DEVICE: Final = (
    "deviceId u32 4",
    "contextId u64 5",
    "greenContextId u64 9",
    "streamId u64 6",
    "correlationId u32 3",
)
_ACTIVITY: Final = ("start i64 1", "end i64 2", *_DEVICE, "globalPid u64 8")
_OPENACC: Final = (
    "start i64 1",
    "end i64 2",
    "nameId u64 7",
    "globalTid u64 13",
    "eventKind u32 25.1",
    "DeviceType u32 25.5",
    "lineNo u32 25.11",
    "cuDeviceId u32 25.15",
    "cuContextId u32 25.16",
    "cuStreamId u32 25.17",
    "srcFile u32 25.20",
    "funcName u32 25.21",
    "correlationId u32 3",
)


def _openmp(kind: str, field: int, *columns: str) -> EventTable:
    """A table of one kind of OpenMP's events, which have a submessage each: its columns count from there."""
    return EventTable(
        f"OPENMP_EVENT_KIND_{kind}",
        TRACE,
        _columns(
            TRACE,
            "start i64 1",
            "end i64 2",
            "eventClass u32 6",
            "globalTid u64 13",
            "correlationId u32 3",
            "nameId u64 7",
            "eventKind u32 34.1",
            *(
                f"{name} {'u32' if name in _OPENMP_KINDS else 'u64'} 34.{field}.{place}"
                for place, name in enumerate(columns, 1)
            ),
        ),
        classes=frozenset({78}),
        having=(TRACE, 34, field),
    )


_OPENGL: Final = _columns(
    TRACE,
    "start i64 1",
    "end i64 2",
    "eventClass u32 6",
    "globalTid u64 13",
    # Those without a place were never seen with a value: they would be reported as unknown.
    "endGlobalTid u64",
    "correlationId u32 3",
    "endCorrelationId u32 10",
    "nameId u64 7",
    "endNameId u64 12",
    "returnValue i32 8",
    "frameId u32",
    "contextId u32 26",
    "gpu u32 21",
    "display u32",
)
_VULKAN: Final = (
    "start i64 1",
    "end i64 2",
    "eventClass u32 6",
    "globalTid u64 13",
    "correlationId u32 3",
    "endCorrelationId u32 10",
    "nameId u64 7",
    "contextId u32 26",
)

_OPENMP_KINDS: Final = frozenset({"kind", "threadType", "priorTaskStatus"})


def _library(name: str, *classes: int, more: tuple[str, ...] = ()) -> EventTable:
    return EventTable(
        name,
        TRACE,
        _columns(
            TRACE, "start i64 1", "end i64 2", "eventClass u32 6", "globalTid u64 13", "nameId u64 7", *more
        ),
        classes=frozenset(classes),
    )


_METRICS: Final = _columns(
    GENERIC, "rawTimestamp i64", "timestamp i64", "typeId u64", "metricId u64", "value i64"
)


EVENT_TABLES: Final[tuple[EventTable, ...]] = (
    EventTable(
        "NVTX_EVENTS",
        NVTX,
        (
            *_columns(
                NVTX,
                "start i64 2",
                "end i64 10",
                "eventType u32 1",
                "rangeId u64 4",
                "category u64 5",
                "color u32 6",
                "text text 7",
                "globalTid u64 9",
                "endGlobalTid u64 11",
                "textId u32 12",
                "domainId u64 13",
                "uint64Value u64 8.1",
                "int64Value i64 8.2",
                "doubleValue f64 8.3",
                "uint32Value u32 8.4",
                "int32Value i32 8.5",
                "floatValue f32 8.6",
                "jsonTextId u32 8.7",
                "jsonText text",
            ),
            # First seen in exports of 2024.5; those between 2022.4 and 2024.5 are not known.
            Column("binaryData", "binary", (PAYLOADS,), since=(2024, 5)),
        ),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_RUNTIME",
        TRACE,
        _columns(
            TRACE,
            "start i64 1",
            "end i64 2",
            "eventClass u32 6",
            "globalTid u64 13",
            "correlationId u32 3",
            "nameId u64 7",
            "returnValue i32 8",
            "callchainId i64",
        ),
        # 67 is a call once more, as the profiler saw it come: with the call's correlation id, and its chain.
        classes=frozenset({0, 1, 26, 67}),
        chains=Chains("CUDA_CALLCHAINS", (TRACE, 15), "callchainId", CUDA_FRAME_COLUMNS, first=0),
    ),
    EventTable(
        "OSRT_API",
        TRACE,
        _columns(
            TRACE,
            "start i64 1",
            "end i64 2",
            "eventClass u32 6",
            "globalTid u64 13",
            "nameId u64 7",
            "returnValue i32 8",
            "nestingLevel u32 20",
            "callchainId i64",
        ),
        classes=frozenset({27, 31, 32}),
        chains=Chains("OSRT_CALLCHAINS", (TRACE, 15), "callchainId", missing=0),
    ),
    EventTable(
        "PROFILER_OVERHEAD",
        TRACE,
        _columns(TRACE, "start i64 1", "end i64 2", "globalTid u64 13", "nameId u64 7", "returnValue i32 8"),
        classes=frozenset({3}),
    ),
    EventTable(
        "CUDA_GRAPH_NODE_EVENTS",
        TRACE,
        _columns(
            TRACE,
            "start i64 1",
            "end i64 2",
            "eventClass u32 6",
            "globalTid u64 13",
            "nameId u64 7",
            "graphNodeId u64 33.1",
            "originalGraphNodeId u64 33.2",
        ),
        classes=frozenset({77}),
    ),
    EventTable(
        "CUDA_GRAPH_EVENTS",
        TRACE,
        _columns(
            TRACE,
            "start i64 1",
            "end i64 2",
            "eventClass u32 6",
            "globalTid u64 13",
            "nameId u64 7",
            "graphId u32 38.1 37.1 39.1",
            "originalGraphId u32 39.2",
            "graphExecId u32 37.2",
        ),
        classes=frozenset({94, 95, 96}),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_OPENACC_LAUNCH",
        TRACE,
        _columns(
            TRACE,
            *_OPENACC,
            "numGangs u64 25.101.1",
            "numWorkers u64 25.101.2",
            "vectorLength u64 25.101.3",
            "kernelName u32 25.101.4",
        ),
        classes=frozenset({48}),
        having=(TRACE, 25, 101),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_OPENACC_DATA",
        TRACE,
        _columns(TRACE, *_OPENACC, "bytes u64 25.102.1", "varName u32 25.102.4"),
        classes=frozenset({48}),
        having=(TRACE, 25, 102),
        lacking=frozenset({(TRACE, 25, 101)}),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_OPENACC_OTHER",
        TRACE,
        _columns(TRACE, *_OPENACC),
        classes=frozenset({48}),
        lacking=frozenset({(TRACE, 25, 101), (TRACE, 25, 102)}),
    ),
    # In the order of their submessages: those that no report was seen to hold follow from that order.
    _openmp("THREAD", 2, "threadId", "threadType"),
    _openmp("PARALLEL", 3, "parallelId", "parentTaskId"),
    _openmp("SYNC_REGION_WAIT", 4, "parallelId", "taskId", "kind"),
    _openmp("SYNC_REGION", 5, "parallelId", "taskId", "kind"),
    _openmp("TASK", 6, "parallelId", "taskId", "kind"),
    _openmp("MASTER", 7, "parallelId", "taskId"),
    _openmp("REDUCTION", 8, "parallelId", "taskId"),
    _openmp("TASK_CREATE", 9, "parentTaskId", "newTaskId"),
    _openmp("TASK_SCHEDULE", 10, "parallelId", "priorTaskId", "priorTaskStatus", "nextTaskId"),
    _openmp("CANCEL", 11, "taskId"),
    _openmp("MUTEX_WAIT", 12, "kind", "waitId", "taskId"),
    _openmp("CRITICAL_SECTION", 13, "kind", "waitId"),
    _openmp("MUTEX_RELEASED", 14, "kind", "waitId", "taskId"),
    _openmp("LOCK_INIT", 15, "kind", "waitId"),
    _openmp("LOCK_DESTROY", 16, "kind", "waitId"),
    _openmp("WORKSHARE", 17, "kind", "parallelId", "taskId", "count"),
    _openmp("DISPATCH", 18, "kind", "parallelId", "taskId"),
    _openmp("FLUSH", 19, "threadId"),
    EventTable(
        "SYSCALL",
        TRACE,
        _columns(
            TRACE,
            "start i64 1",
            "end i64 2",
            "eventClass u32 6",
            "globalTid u64 13",
            "nameId u64 7",
            "callchainId i64",
        ),
        classes=frozenset({107}),
        chains=Chains(
            "SYSCALL_CALLCHAINS",
            (TRACE, 15),
            "callchainId",
            tuple(column for column in CUDA_FRAME_COLUMNS if column.name != "originalIP"),
            missing=0,
        ),
    ),
    EventTable("OPENGL_API", TRACE, _OPENGL, classes=frozenset({2})),
    EventTable("OPENGL_WORKLOAD", TRACE, _OPENGL, classes=frozenset({5})),
    EventTable(
        "KHR_DEBUG_EVENTS",
        DEBUG_LABEL,
        _columns(
            DEBUG_LABEL,
            "eventClass u32 1",
            "start i64 2",
            "end i64 13",
            "textId u32 6",
            "globalTid u64 7",
            "source u32 8",
            "khrdType u32 9",
            "id u32 10",
            "severity u32 11",
            "correlationId u32 12",
            "context u32 14",
        ),
    ),
    # Labels are calls, too.
    EventTable(
        "VULKAN_API",
        TRACE,
        (*_columns(TRACE, *_VULKAN), Column("pipelines", "blobs", (PIPELINES,))),
        classes=frozenset({53, 55, 56, 60, 66}),
    ),
    EventTable(
        "VULKAN_WORKLOAD",
        TRACE,
        _columns(TRACE, *_VULKAN[:-1], "gpu u32 21", _VULKAN[-1], "color u32 27.1", "textId u32 27.2"),
        classes=frozenset({93}),
    ),
    EventTable(
        "VULKAN_DEBUG_API",
        TRACE,
        _columns(TRACE, *_VULKAN, "color u32 27.1", "textId u32 27.2"),
        classes=frozenset({66}),
    ),
    # No report with them was ever seen, newer ones have NVTX ranges instead: as other traced calls are.
    _library("CUDNN_EVENTS", 28),
    _library("CUBLAS_EVENTS", 29),
    # With the markers of when tracing began and ended. Calls of NVENC and NVDEC were never seen: their ids
    # stand where other calls have theirs, which is 0 in the markers.
    _library("NVVIDEO_ENCODER_API", 83, 84, 85, more=("apiId u32 3",)),
    _library("NVVIDEO_DECODER_API", 86, 87, 88, more=("apiId u32 3",)),
    _library("NVVIDEO_JPEG_API", 89, 90, 91),
    EventTable(
        "CUPTI_ACTIVITY_KIND_KERNEL",
        CUDA,
        _columns(
            CUDA,
            *_ACTIVITY,
            "demangledName u64 101.1",
            "shortName u64 101.2",
            "mangledName u64 101.3",
            "launchType u32 101.24",
            "cacheConfig u32 101.23",
            "registersPerThread u32 101.21",
            "gridX i32 101.10",
            "gridY i32 101.11",
            "gridZ i32 101.12",
            "blockX i32 101.13",
            "blockY i32 101.14",
            "blockZ i32 101.15",
            "staticSharedMemory i32 101.16",
            "dynamicSharedMemory i32 101.17",
            "localMemoryPerThread i32 101.18",
            "localMemoryTotal i32 101.19",
            "gridId i64 101.20",
            "sharedMemoryExecuted u32 101.22",
            "graphNodeId u64 101.27",
            "sharedMemoryLimitConfig u32 101.28",
        ),
        classes=frozenset({3}),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_MEMCPY",
        CUDA,
        (
            *_columns(
                CUDA,
                *_ACTIVITY,
                "bytes u64 102.1",
                "copyKind u64 102.2",
                "deprecatedSrcId u32",
                "srcKind u32 102.4",
                "dstKind u32 102.5",
                "srcDeviceId u32 102.6",
                "srcContextId u32 102.7",
                "dstDeviceId u32 102.8",
                "dstContextId u32 102.9",
                "migrationCause u32 102.10",
                "graphNodeId u64 102.11",
                "virtualAddress u64 102.12",
            ),
            Column("copyCount", "u64", ((CUDA, 102, 16),), since=(2025, 3)),
        ),
        classes=frozenset({1}),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_MEMSET",
        CUDA,
        _columns(
            CUDA,
            *_ACTIVITY,
            "value u32 103.2",
            "bytes u64 103.1",
            "graphNodeId u64 103.3",
            "memKind u32 103.4",
        ),
        classes=frozenset({2}),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION",
        CUDA,
        (
            *_columns(CUDA, *_ACTIVITY),
            # 2025.1 retired field 2 for field 4, and calls the old column so.
            Column("deprecatedSyncType", "u32", ((CUDA, 105, 2),), since=(2025, 1)),
            Column("syncType", "u32", ((CUDA, 105, 4),), since=(2025, 1)),
            Column("syncType", "u32", ((CUDA, 105, 2),), until=(2025, 1)),
            Column("eventId", "u32", ((CUDA, 105, 1),)),
            Column("eventSyncId", "u64", ((CUDA, 105, 3),), since=(2025, 1)),
        ),
        classes=frozenset({5}),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_CUDA_EVENT",
        CUDA,
        (
            *_columns(CUDA, *_DEVICE, "globalPid u64 8", "eventId u32 106.1"),
            Column("eventSyncId", "u64", ((CUDA, 106, 2),), since=(2025, 1)),
        ),
        classes=frozenset({6}),
    ),
    EventTable(
        "CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
        CUDA,
        _columns(CUDA, *_ACTIVITY, "graphId u32 107.1", "graphExecId u32 107.2"),
        classes=frozenset({7}),
    ),
    EventTable(
        "CUDA_GPU_MEMORY_USAGE_EVENTS",
        MEMORY_USE,
        _columns(
            MEMORY_USE,
            "start i64 1",
            "globalPid u64 5",
            "deviceId u32 3",
            "contextId u64 4",
            "address u64 6",
            "pc u64 7",
            "bytes u64 8",
            "memKind u32 9",
            "memoryOperationType u32 10",
            "name text 11",
            "correlationId u32 12",
            "streamId u64 15",
            "localMemoryPoolAddress u64 13.1",
            "localMemoryPoolReleaseThreshold u64 13.2",
            "localMemoryPoolSize u64 13.3",
            "localMemoryPoolUtilizedSize u64 13.4",
            # Never seen with a value: they would be reported as unknown.
            "importedMemoryPoolAddress u64",
            "importedMemoryPoolProcessId u64",
        ),
    ),
    EventTable(
        "CUDA_GPU_MEMORY_POOL_EVENTS",
        MEMORY_POOL,
        _columns(
            MEMORY_POOL,
            "start i64 1",
            "globalPid u64 5",
            "deviceId u32 6",
            "address u64 7",
            "operationType u32 2",
            "poolType u32 3",
            "correlationId u32 4",
            "minBytesToKeep u64 8",
            "localMemoryPoolReleaseThreshold u64 9.10",
            "localMemoryPoolSize u64 9.9",
            "localMemoryPoolUtilizedSize u64 9.11",
        ),
    ),
    EventTable(
        "CUDA_UM_CPU_PAGE_FAULT_EVENTS",
        CPU_FAULT,
        _columns(
            CPU_FAULT,
            "start i64 1",
            "globalPid u64 2",
            "address u64 3",
            "originalFaultPc u64 4.8",
            "CpuInstruction u32 4.1",
            "module u32 4.2",
            # Never seen with a value: it would be reported as unknown.
            "unresolvedFaultPc u32",
            "sourceFile u32 4.11",
            "sourceLine u32 4.10",
        ),
    ),
    EventTable(
        "PERF_EVENT_SOC_OR_CPU_RAW_EVENT",
        PERF,
        _columns(
            PERF,
            "start i64 1",
            "end i64 2",
            "vmId u64 3",
            "componentId u64 4",
            "eventId u64 5",
            "count u64 6",
        ),
    ),
    EventTable(
        "CUDA_UM_GPU_PAGE_FAULT_EVENTS",
        GPU_FAULT,
        _columns(
            GPU_FAULT,
            "start i64 1",
            "end i64 2",
            "globalPid u64 4",
            "deviceId u32 3",
            "address u64 5",
            "numberOfPageFaults u64 6",
            "faultAccessType u32 7",
        ),
    ),
    EventTable("GPU_METRICS", GENERIC, _METRICS),
    EventTable("SOC_METRICS", GENERIC, _METRICS),
    EventTable(
        "GENERIC_EVENTS",
        GENERIC,
        _columns(
            GENERIC,
            "genericEventId i64",
            "rawTimestamp i64",
            "timestamp i64",
            "typeId u64",
            "globalTid u64",
        ),
    ),
    EventTable(
        "GENERIC_EVENT_DATA",
        GENERIC,
        _columns(
            GENERIC,
            "genericEventId i64",
            "fieldIdx i64",
            "intVal i64",
            "uintVal u64",
            "floatVal f64",
            "doubleVal f64",
        ),
    ),
    EventTable(
        "GPU_CONTEXT_SWITCH_EVENTS",
        CONTEXT_SWITCH,
        _columns(
            CONTEXT_SWITCH,
            "tag i32 1",
            "vmId u32 2",
            "seqNo u32 3",
            "contextId u32 4",
            "timestamp i64 6",
            "globalPid u64 7",
            "gpuId u32 8",
        ),
    ),
    EventTable(
        "SCHED_EVENTS",
        SCHEDULING,
        (
            *_columns(SCHEDULING, "start i64 1", "cpu u32 3", "isSchedIn u32 4", "globalTid u64 6"),
            # First seen in exports of 2025.1, missing in 2023.4.
            Column("threadState", "u32", ((SCHEDULING, 5),), since=(2025, 1)),
            Column("threadBlock", "u32", since=(2025, 1)),
        ),
    ),
    EventTable(
        "COMPOSITE_EVENTS",
        SAMPLE,
        _columns(
            SAMPLE,
            "id i64",
            "start i64 1",
            "cpu u32 3",
            "threadState u32 6",
            "globalTid u64 11",
            "cpuCycles u64 5.2",
        ),
        chains=Chains("SAMPLING_CALLCHAINS", (SAMPLE, 4), "id", every_event=True),
    ),
    EventTable(
        "DIAGNOSTIC_EVENT",
        DIAGNOSTIC,
        _columns(
            DIAGNOSTIC,
            "timestamp i64 1.1",
            "timestampType i32 1.2",
            "source i32 2",
            "severity i32 3",
            "text text 4",
            "globalPid u64 5",
        ),
    ),
)

#: Raw table without events → its columns in the export's order. Where a table has a row per message, the
#: field is where the message holds the value; columns without one are put together by `inventory`.
INVENTORY: Final[Mapping[str, tuple[Column, ...]]] = {
    "PROCESSES": _columns(
        None,
        "globalPid u64",
        "pid u64",
        "name text",
    ),
    "ThreadNames": _columns(
        None,
        "nameId u64 2",
        "priority u64 3",
        "globalTid u64 4",
    ),
    "ProcessStreams": _columns(
        None,
        "globalPid u64 1",
        "filenameId u32 2",
        "contentId u32 3",
    ),
    "ANALYSIS_FILE": _columns(
        None,
        "id i32",
        "filename text",
        "contentId u32",
        "globalPid u64",
    ),
    "ANALYSIS_DETAILS": _columns(
        None,
        "globalVid u64",
        "duration u64",
        "startTime u64",
        "stopTime u64",
    ),
    "TARGET_INFO_SESSION_START_TIME": _columns(
        None,
        "utcEpochNs u64",
        "utcTime text",
        "localTime text",
    ),
    "TARGET_INFO_SYSTEM_ENV": _columns(
        None,
        "globalVid u64",
        "devStateName text",
        "nameEnum u32 1",
        "value text 2",
    ),
    **dict.fromkeys(
        ("TARGET_INFO_GPU_METRICS", "TARGET_INFO_SOC_METRICS"),
        _columns(
            None,
            "typeId u64",
            "sourceId u64",
            "typeName text",
            "metricId u64",
            "metricName text",
        ),
    ),
    "GENERIC_EVENT_SOURCES": _columns(
        None,
        "sourceId u64 1",
        "nameId u64 3",
        "timeSourceId u32 2",
    ),
    "GENERIC_EVENT_TYPES": _columns(
        None,
        "typeId u64",
        "sourceId u64",
        "nameId u64",
    ),
    "GENERIC_EVENT_TYPE_FIELDS": _columns(
        None,
        "typeId u64",
        "fieldIdx u64",
        "fieldNameId u64 1",
        "offset u64 2",
        "size u64 3",
        "type u64 8",
    ),
    # What the schemas tell of the counters whose samples are generic events: no table of the export does.
    "NVTX_COUNTERS": _columns(
        None,
        "counterId u64",
        "name text",
        "fieldName text",
        "unit text",
        "scopePath text",
    ),
    "NVTX_SCOPES": _columns(
        None,
        "domainId u64 1",
        "scopeId u64 2",
        "parentScopeId u64 3",
        "path text 4",
    ),
    "TARGET_INFO_NVTX_CUDA_DEVICE": _columns(
        None,
        "name text 1",
        "hwId u32 2",
        "vmId u32 3",
        "deviceId u32 5",
    ),
    "TARGET_INFO_NVTX_CUDA_CONTEXT": _columns(
        None,
        "name text 1",
        "hwId u32 2",
        "vmId u32 3",
        "processId u32 4",
        "deviceId u32 5",
        "contextId u32 6",
    ),
    "TARGET_INFO_NVTX_CUDA_STREAM": _columns(
        None,
        "name text 1",
        "hwId u32 2",
        "vmId u32 3",
        "processId u32 4",
        "deviceId u32 5",
        "contextId u32 6",
        "streamId u32 7",
    ),
    "NVTX_PAYLOAD_SCHEMAS": _columns(
        None,
        "domainId u64",
        "schemaId u64",
        "name text",
        "type u64",
        "flags u64",
        "numEntries u64",
        "payloadSize u64",
        "alignTo u64",
    ),
    "NVTX_PAYLOAD_SCHEMA_ENTRIES": _columns(
        None,
        "domainId u64",
        "schemaId u64",
        "idx u64",
        "flags u64",
        "type u64",
        "name text",
        "description text",
        "arrayOrUnionDetail u64",
        "offset u64",
    ),
    "NVTX_PAYLOAD_ENUMS": _columns(
        None,
        "domainId u64",
        "schemaId u64",
        "name text",
        "numEntries u64",
        "size u64",
    ),
    "NVTX_PAYLOAD_ENUM_ENTRIES": _columns(
        None,
        "domainId u64",
        "schemaId u64",
        "idx u64",
        "name text",
        "value u64",
        "isFlag u64",
    ),
    "TARGET_INFO_CUDA_DEVICE": _columns(
        None,
        "gpuId u32 1",
        "cudaId u32 2",
        "pid u32 3",
    ),
    "TARGET_INFO_CUDA_CONTEXT_INFO": _columns(
        None,
        "nullStreamId u32 1",
        "hwId u32 2",
        "vmId u32 3",
        "processId u32 4",
        "deviceId u32 5",
        "contextId u32 6",
        "parentContextId u32 7",
        "isGreenContext bool 8",
    ),
    "TARGET_INFO_COMPONENT": _columns(
        None,
        "componentId u64 3",
        "name text 1",
        "instance u64 2",
        "parentId u64 4",
    ),
    "TARGET_INFO_PERF_METRIC": _columns(
        None,
        "id u64 4",
        "name text 1",
        "description text 2",
        "unit text 3",
    ),
    "TARGET_INFO_CUDA_STREAM": _columns(
        None,
        "streamId u32 1",
        "hwId u32 2",
        "vmId u32 3",
        "processId u32 4",
        "contextId u32 5",
        "priority u32 6",
        "flag u32 7",
    ),
    "TARGET_INFO_GPU": _columns(
        None,
        "vmId i64",
        "id u32 1",
        "name text 2",
        "busLocation text 3",
        "isDiscrete bool 4",
        "l2CacheSize u32 10",
        "totalMemory u64 11",
        "memoryBandwidth u64 12",
        "clockRate u32 13",
        "smCount u32 14",
        "pwGpuId u32 9",
        "uuid text 5",
        "luid u64 6",
        "chipName text 7",
        "cuDevice i32 15",
        "ctxswDevPath text 16",
        "ctrlDevPath text 17",
        "revision u32 21",
        "nodeMask u32 22",
        "constantMemory u32 23",
        "maxIPC u32 24",
        "maxRegistersPerBlock u32 25",
        "maxShmemPerBlock u32 26",
        "maxShmemPerBlockOptin u32 27",
        "maxShmemPerSm u32 28",
        "maxRegistersPerSm u32 29",
        "threadsPerWarp u32 30",
        "asyncEngines u32 31",
        "maxWarpsPerSm u32 32",
        "maxBlocksPerSm u32 33",
        "maxThreadsPerBlock u32 34",
        "maxBlockDimX u32 35",
        "maxBlockDimY u32 36",
        "maxBlockDimZ u32 37",
        "maxGridDimX u32 38",
        "maxGridDimY u32 39",
        "maxGridDimZ u32 40",
        "computeMajor u32 41",
        "computeMinor u32 42",
        "smMajor u32 43",
        "smMinor u32 44",
    ),
}
