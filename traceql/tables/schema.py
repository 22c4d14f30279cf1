"""Every table of a traceql database: grain, columns, types and meanings.

The same texts become comments inside the database, so any DuckDB client explains the tables. Units are part
of the names: ``_ns``, ``_bytes``, ``_pct`` (0 to 100), ``_hz``, ``_bytes_per_s``. Times count from the start
of the trace; ``traces.start_utc_ns`` relates them to UTC.

Ids (``kernel_id``, ``range_id`` …) are unique in the database, not only within a trace: the number of the
trace (of a run: of its import) times 2^32, plus the row within it, from 1. So they do not depend on what else
the database holds. Those that CUDA or the profiler gave (``correlation_id``, ``graph_node_id``, ``gpu_id``)
stay as they are. So does ``process_id``, NVIDIA's number of a process on all machines of a recording: what
belongs to a process is joined on it, as pids are those of the process's own container. ``pid`` is for people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Raised whenever a table or column changes its meaning; databases of older versions are migrated.
SCHEMA_VERSION = 6

#: `tables.fingerprint.today` when it was last asked whether SCHEMA_VERSION has to be raised.
FINGERPRINT = "f4164a349b026eaf"

_NSYS_CUDA = "nsys profile --trace=cuda"
_NSYS_NVTX = "nsys profile --trace=nvtx"
_NSYS_MEMORY = "nsys profile --trace=cuda --cuda-memory-usage=true"


@dataclass(frozen=True)
class Column:
    """One column: its name (with the unit), DuckDB type and meaning."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: of the table.
        grain: what one row is.
        columns: in order.
        collected_by: kind of trace → the option that makes the profiler record it; a kind that cannot
            hold such rows is absent.
        group: what is switched on together; when one table of a group has rows, an empty one means that
            nothing happened, not that nothing was recorded.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    collected_by: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    group: str = ""

    @property
    def of_trace(self) -> bool:
        """Whether its rows belong to a trace; those of the others are kept when traces come and go."""
        return any(column.name == "trace_id" for column in self.columns)


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_TRACE_ID = ("trace_id", "BIGINT", "the trace it belongs to, see traces")
_TIMES = (
    ("start_ns", "BIGINT", "start, nanoseconds since the trace began"),
    ("end_ns", "BIGINT", "end, nanoseconds since the trace began; NULL if recorded before the start"),
    ("duration_ns", "BIGINT", "end minus start, nanoseconds; NULL if not known"),
)
_PROCESS = (
    ("process_id", "BIGINT", "process, by machine, VM and pid as NVIDIA numbers it; unique within the trace"),
    ("pid", "BIGINT", "process, as its own container numbers it"),
)
_GPU = (
    ("gpu_id", "INTEGER", "the GPU itself, see gpus; the ordinal where the report does not map it"),
    ("device_id", "INTEGER", "CUDA device ordinal within the process"),
)
_GPU_PLACE = (
    *_GPU,
    ("context_id", "BIGINT", "CUDA context"),
    ("stream_id", "BIGINT", "CUDA stream"),
    *_PROCESS,
    ("correlation_id", "BIGINT", "links to the API call; unique within one process only"),
    ("api_call_id", "BIGINT", "the API call that launched it; NULL if not recorded"),
)
_GREEN = (
    "green_context_id",
    "BIGINT",
    "green context of that context in which it ran, on a part of the GPU's SMs; NULL in none",
)
_THREAD = (*_PROCESS, ("tid", "BIGINT", "thread; unique within its process only"))
_AROUND = ("range_id", "BIGINT", "innermost push/pop range of the thread around it; NULL outside any")
_IN_RANGE = (
    "range_id",
    "BIGINT",
    "innermost push/pop range around the start of the launching API call; NULL outside any",
)

TABLES: tuple[Table, ...] = (
    Table(
        "traces",
        "one ingested report",
        _columns(
            ("trace_id", "BIGINT", "number of the trace"),
            ("trace", "VARCHAR", "unique name, by default from the file name"),
            ("profiler", "VARCHAR", "nsys (Nsight Systems) or ncu (Nsight Compute)"),
            ("has_timeline", "BOOLEAN", "whether its events have times, as those of nsys"),
            ("has_counters", "BOOLEAN", "whether its launches have hardware counters, as those of ncu"),
            ("format", "VARCHAR", "file format that was read, for example ncu-rep or nsys-sqlite"),
            ("file_name", "VARCHAR", "the report's file name, without its folder"),
            ("sha256", "VARCHAR", "of the decompressed bytes; of a folder, of its file names and hashes"),
            (
                "tool_version",
                "VARCHAR",
                "version of the profiler that recorded; NULL if unknown, as of exports",
            ),
            ("captured_at", "TIMESTAMP", "when the recording started, UTC"),
            ("start_utc_ns", "BIGINT", "time 0 of the trace, nanoseconds since 1970 UTC"),
            ("trace_duration_ns", "BIGINT", "length of the recording; NULL for ncu, which has no timeline"),
            ("gpu", "VARCHAR", "names of the GPUs used"),
            ("driver_version", "VARCHAR", "NVIDIA driver, for example 570.86.15"),
            ("cuda_version", "VARCHAR", "newest CUDA that the driver supports, for example 12.8"),
            ("cpu", "VARCHAR", "model of the CPU; nsys only"),
            ("cpu_cores", "INTEGER", "logical CPUs of the machine; nsys only"),
            (
                "time_shift_ns",
                "BIGINT",
                "what nsys export --ts-shift added to all times; 0 in a report itself, NULL if not said",
            ),
            ("settings", "JSON", "how it was recorded: graph trace mode, clock control, replay mode …"),
            (
                "tags",
                "MAP(VARCHAR, VARCHAR)",
                "labels given at ingest, and those of its sidecar (<report>.run.json)",
            ),
            (
                "complete",
                "BOOLEAN",
                "false when the profiler says that events may be missing; NULL where it says nothing",
            ),
            (
                "counts_agree",
                "BOOLEAN",
                "whether the event counts that the profiler wrote into an .nsys-rep equal what was decoded; "
                "NULL where there are none to compare",
            ),
            ("warnings", "VARCHAR[]", "what to know before trusting the numbers"),
            (
                "missing",
                "VARCHAR[]",
                "tables of this database for which the report holds no data, as far as it tells",
            ),
            (
                "unread",
                "VARCHAR[]",
                "what the report holds and no table here is made of, with how many events where they were "
                "counted; NULL where nobody looked",
            ),
        ),
    ),
    Table(
        "gpus",
        "one GPU of a trace",
        _columns(
            _TRACE_ID,
            ("gpu_id", "INTEGER", "the profiler's number of the GPU"),
            (
                "device_id",
                "INTEGER",
                "CUDA device ordinal; NULL if the report does not map it, or processes differ: see kernels",
            ),
            ("gpu_name", "VARCHAR", "product name"),
            ("compute_capability", "VARCHAR", "for example 9.0"),
            ("sm_count", "INTEGER", "streaming multiprocessors"),
            ("max_warps_per_sm", "INTEGER", "resident warps per SM"),
            ("sm_clock_hz", "BIGINT", "highest SM clock"),
            ("memory_clock_hz", "BIGINT", "highest memory clock"),
            ("memory_bandwidth_bytes_per_s", "DOUBLE", "theoretical DRAM bandwidth"),
            ("memory_bytes", "BIGINT", "DRAM size"),
            ("l2_cache_bytes", "BIGINT", "L2 cache size"),
            (
                "gpu_hash",
                "VARCHAR",
                "hash of its UUID, equal in every report of this GPU; NULL if not recorded",
            ),
        ),
    ),
    Table(
        "processes",
        "one profiled process (others of the machine are left out)",
        _columns(
            _TRACE_ID,
            *_PROCESS,
            ("process", "VARCHAR", "executable, without its folder"),
            ("mpi_rank", "BIGINT", "rank in MPI_COMM_WORLD; NULL if it is none, or not told"),
        ),
    ),
    Table(
        "threads",
        "one thread with recorded events",
        _columns(_TRACE_ID, *_THREAD, ("thread", "VARCHAR", "thread name")),
    ),
    Table(
        "kernels",
        "one kernel execution (nsys) or one profiled workload (ncu)",
        _columns(
            ("kernel_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("name", "VARCHAR", "function name without template arguments"),
            ("demangled", "VARCHAR", "full C++ name"),
            ("mangled", "VARCHAR", "symbol name; ncu only"),
            ("workload", "VARCHAR", "kernel, graph, range or cmdlist"),
            ("start_ns", "BIGINT", "start on the GPU; NULL for ncu, which has no timeline"),
            ("end_ns", "BIGINT", "end on the GPU; NULL for ncu, and if recorded before the start"),
            ("duration_ns", "BIGINT", "time on the GPU (ncu: gpu__time_duration.sum)"),
            *_GPU_PLACE,
            _GREEN,
            _IN_RANGE,
            ("graph_node_id", "BIGINT", "CUDA graph node; NULL outside graphs"),
            # BIGINT, as the product of all six is what one asks for.
            ("grid_x", "BIGINT", "blocks in x"),
            ("grid_y", "BIGINT", "blocks in y"),
            ("grid_z", "BIGINT", "blocks in z"),
            ("block_x", "BIGINT", "threads per block in x"),
            ("block_y", "BIGINT", "threads per block in y"),
            ("block_z", "BIGINT", "threads per block in z"),
            ("registers_per_thread", "INTEGER", "registers of each thread"),
            ("static_shared_bytes", "BIGINT", "static shared memory per block"),
            ("dynamic_shared_bytes", "BIGINT", "dynamic shared memory per block"),
            (
                "executed_shared_bytes",
                "BIGINT",
                "shared memory of an SM as the driver set it for the kernel",
            ),
            ("local_memory_per_thread_bytes", "BIGINT", "local memory of each thread; nsys only"),
            (
                "launch_type",
                "VARCHAR",
                "Regular, Coop Single Device or Coop Multi Device, as nsys prints it; nsys only",
            ),
        ),
        {"nsys": _NSYS_CUDA, "ncu": "ncu"},
        "cuda",
    ),
    Table(
        "kernel_clusters",
        "one kernel whose blocks form clusters",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the kernel, see kernels"),
            ("cluster_x", "BIGINT", "blocks of a cluster in x"),
            ("cluster_y", "BIGINT", "blocks of a cluster in y"),
            ("cluster_z", "BIGINT", "blocks of a cluster in z"),
            ("scheduling_policy", "VARCHAR", "default, spread or load balancing"),
            ("max_active_clusters", "BIGINT", "clusters that the GPU can run at a time"),
            ("max_cluster_blocks", "BIGINT", "blocks that a cluster of this kernel could have"),
        ),
        {"nsys": "nsys profile --trace=cuda, of nsys 2026.2 or newer", "ncu": "ncu --section LaunchStats"},
        "clusters",
    ),
    Table(
        "api_calls",
        "one CUDA runtime or driver call",
        _columns(
            ("api_call_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("name", "VARCHAR", "function, without the version suffix that CUDA appends (_v7000)"),
            ("layer", "VARCHAR", "runtime, driver or other (wrappers that share the runtime call's id)"),
            *_TIMES,
            *_THREAD,
            ("correlation_id", "BIGINT", "links to the GPU work; unique within one process only"),
            ("return_value", "INTEGER", "0 is success"),
            (
                "range_id",
                "BIGINT",
                "innermost push/pop range of the thread around its start; NULL outside any",
            ),
            (
                "stack_id",
                "BIGINT",
                "the stack of native calls that led to it, see call_stacks; NULL if not recorded",
            ),
            ("python_stack_id", "BIGINT", "the same stack as Python's interpreter has it"),
        ),
        {"nsys": _NSYS_CUDA},
        "cuda",
    ),
    Table(
        "memory_ops",
        "one copy or memset on the GPU",
        _columns(
            ("memory_op_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("kind", "VARCHAR", "memcpy or memset"),
            ("copy_kind", "VARCHAR", "direction of a copy, for example Host-to-Device; NULL for memset"),
            ("bytes", "BIGINT", "bytes moved or set"),
            *_TIMES,
            *_GPU_PLACE,
            _GREEN,
            _IN_RANGE,
            ("src_memory", "VARCHAR", "kind of source memory: Pageable, Pinned, Device …"),
            ("dst_memory", "VARCHAR", "kind of destination memory; of a memset, the memory set"),
            ("src_device_id", "INTEGER", "source device of a peer copy"),
            ("dst_device_id", "INTEGER", "destination device of a peer copy"),
            ("memset_value", "BIGINT", "value that a memset writes"),
            ("graph_node_id", "BIGINT", "CUDA graph node; NULL outside graphs"),
            ("virtual_address", "BIGINT", "of the managed memory that migrates; NULL for other copies"),
            (
                "migration_cause",
                "VARCHAR",
                "why managed memory migrates: Page fault, User prefetch, Speculative prefetch, Eviction or "
                "Access counters; NULL for other copies",
            ),
        ),
        {"nsys": _NSYS_CUDA},
        "cuda",
    ),
    Table(
        "memory_events",
        "one allocation or release of memory; what was allocated before the recording began, at its start",
        _columns(
            ("memory_event_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("operation", "VARCHAR", "Allocation or Deallocation"),
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began"),
            ("bytes", "BIGINT", "allocated or released"),
            ("memory_kind", "VARCHAR", "Device, Device Static (of a module), Pinned, Managed, Array …"),
            ("virtual_address", "BIGINT", "where it begins, in the process"),
            ("variable", "VARCHAR", "of static memory, the variable that lies there; NULL of other"),
            *_PROCESS,
            (
                "gpu_id",
                "INTEGER",
                "the GPU itself, see gpus; NULL for static memory, of which it is not told",
            ),
            ("device_id", "INTEGER", "CUDA device ordinal within the process; NULL as gpu_id"),
            ("context_id", "BIGINT", "CUDA context; NULL for memory of none"),
            ("stream_id", "BIGINT", "stream that an allocation or release is ordered in; NULL for none"),
            ("pool_address", "BIGINT", "the memory pool that it is of; NULL for none (cudaMalloc)"),
            ("pool_bytes", "BIGINT", "size of that pool then: what it took from the GPU, used or not"),
            ("pool_used_bytes", "BIGINT", "of that pool in use then; what is being released counts still"),
            ("correlation_id", "BIGINT", "links to the call; unique within one process only"),
            ("api_call_id", "BIGINT", "the call; NULL if not recorded, or for what modules bring along"),
            ("range_id", "BIGINT", "innermost push/pop range around the call; NULL outside any"),
        ),
        {"nsys": _NSYS_MEMORY},
        "memory",
    ),
    Table(
        "memory_pool_events",
        "one change of a memory pool itself: created, destroyed, or trimmed to what it uses",
        _columns(
            ("memory_pool_event_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("operation", "VARCHAR", "Created, Destroyed or Trimmed"),
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began"),
            ("pool_address", "BIGINT", "the pool, as in memory_events"),
            ("pool_type", "VARCHAR", "Local, or Imported from another process"),
            (
                "pool_bytes",
                "BIGINT",
                "size then: what it took from the GPU, used or not; NULL if imported",
            ),
            ("pool_used_bytes", "BIGINT", "in use then; NULL if imported"),
            (
                "release_threshold_bytes",
                "BIGINT",
                "what it keeps when nothing is used; 0: all goes to the GPU; -1: all stays; NULL if imported",
            ),
            ("keep_bytes", "BIGINT", "what trimming was to leave of it; NULL of other operations"),
            *_PROCESS,
            *_GPU,
            ("correlation_id", "BIGINT", "links to the call; unique within one process only"),
            ("api_call_id", "BIGINT", "the call; NULL if not recorded"),
            ("range_id", "BIGINT", "innermost push/pop range around the call; NULL outside any"),
        ),
        {"nsys": _NSYS_MEMORY},
        "memory",
    ),
    Table(
        "syncs",
        "one synchronisation on the GPU's side",
        _columns(
            ("sync_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("sync_type", "VARCHAR", "Event sync, Stream wait sync, Stream sync or Context sync"),
            *_TIMES,
            *_GPU_PLACE,
            ("event_id", "BIGINT", "CUDA event waited for; NULL for waits of other kinds"),
            (
                "event_record_id",
                "BIGINT",
                "the record of it that was waited for, see event_records; NULL if not recorded",
            ),
        ),
        {"nsys": _NSYS_CUDA},
        "cuda",
    ),
    Table(
        "event_records",
        "one record of a CUDA event in a stream",
        _columns(
            ("event_record_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("event_id", "BIGINT", "CUDA event; unique within its context only"),
            (
                "time_ns",
                "BIGINT",
                "start of the call that recorded it, from the trace's start; NULL if not recorded",
            ),
            (
                "completed_ns",
                "BIGINT",
                "when the stream got to it, on the GPU; NULL before nsys 2026, and if not collected",
            ),
            *_GPU_PLACE,
            _GREEN,
            _IN_RANGE,
        ),
        {"nsys": _NSYS_CUDA},
        "cuda",
    ),
    Table(
        "graph_launches",
        "one execution of a whole CUDA graph (only in graph trace mode; its kernels are not recorded then)",
        _columns(
            ("graph_launch_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("graph_id", "BIGINT", "the graph"),
            ("graph_exec_id", "BIGINT", "its executable instance"),
            *_TIMES,
            *_GPU_PLACE,
            _GREEN,
            _IN_RANGE,
        ),
        {"nsys": "nsys profile --trace=cuda --cuda-graph-trace=graph"},
        "cuda",
    ),
    Table(
        "graph_nodes",
        "one node of a CUDA graph, or of an executable made of it",
        _columns(
            _TRACE_ID,
            ("graph_node_id", "BIGINT", "as in kernels.graph_node_id"),
            ("is_original", "BOOLEAN", "whether it was not cloned from another one"),
            ("original_graph_node_id", "BIGINT", "the node it was cloned from; NULL for originals"),
            ("created_ns", "BIGINT", "when the node was created"),
            *_THREAD,
            (
                "capture_range_id",
                "BIGINT",
                "innermost push/pop range around the creation of the node, or of the one it was cloned from; "
                "NULL outside any",
            ),
        ),
        {"nsys": "nsys profile --trace=cuda --cuda-graph-trace=node"},
        "cuda",
    ),
    Table(
        "graph_events",
        "one CUDA graph, clone of one, or executable of one that was made (in graph trace mode)",
        _columns(
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began"),
            ("event", "VARCHAR", "created, cloned (then created came before) or instantiated"),
            ("graph_id", "BIGINT", "the graph, as in graph_launches; unique within its process only"),
            ("original_graph_id", "BIGINT", "the graph that it is a clone of; NULL for others"),
            ("graph_exec_id", "BIGINT", "the executable, as in graph_launches; NULL where none was made"),
            *_THREAD,
            _AROUND,
        ),
        {"nsys": "nsys profile --trace=cuda --cuda-graph-trace=graph"},
        "cuda",
    ),
    Table(
        "nvtx_ranges",
        "one NVTX range or mark",
        _columns(
            ("range_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("text", "VARCHAR", "message"),
            ("domain", "VARCHAR", "NVTX domain; empty for the default one"),
            ("category", "VARCHAR", "category name, or its number if it has none"),
            ("style", "VARCHAR", "pushpop, startend or mark"),
            ("start_ns", "BIGINT", "start, nanoseconds since the trace began"),
            ("end_ns", "BIGINT", "end; NULL for marks and for ranges never closed"),
            ("duration_ns", "BIGINT", "end minus start, nanoseconds"),
            *_THREAD,
            ("end_tid", "BIGINT", "thread that ended a start/end range, when it is another one"),
            ("color_argb", "BIGINT", "colour as 0xAARRGGBB"),
            ("payload", "VARCHAR", "payload value as text; structures as JSON, several as an array"),
            ("parent_id", "BIGINT", "the range around it on its thread, of any domain; NULL for start/end"),
            ("depth", "INTEGER", "push/pop ranges around it, of any domain; 0 is outermost"),
            ("path", "VARCHAR", "messages from the outermost range to this one, joined by /"),
            ("gpu_start_ns", "BIGINT", "start of the first GPU operation launched inside; NULL without any"),
            ("gpu_end_ns", "BIGINT", "end of the GPU operation that ended last"),
            ("gpu_busy_ns", "BIGINT", "time in which at least one of these operations ran"),
            (
                "gpu_operations",
                "BIGINT",
                "kernels, copies, memsets and whole graphs launched inside by its thread; NULL where that "
                "launched none, but other threads of the process did, or where no GPU work was recorded",
            ),
            ("launches", "BIGINT", "API calls that launched them; one per graph replay; NULL as these"),
        ),
        {"nsys": _NSYS_NVTX},
        "nvtx",
    ),
    Table(
        "range_ancestors",
        "one range and one range around it on its thread, or itself",
        _columns(
            _TRACE_ID,
            ("range_id", "BIGINT", "the range, see nvtx_ranges"),
            ("ancestor_id", "BIGINT", "a range around it, or itself"),
            ("levels", "INTEGER", "0 for itself, 1 for its parent …"),
        ),
        {"nsys": _NSYS_NVTX},
        "nvtx",
    ),
    Table(
        "range_calls",
        "one API call inside one range that range_ancestors does not lead to: a start/end range, or one that "
        "crosses the call's range or one around it",
        _columns(
            _TRACE_ID,
            ("range_id", "BIGINT", "the range, see nvtx_ranges"),
            ("api_call_id", "BIGINT", "the call, see api_calls"),
        ),
        {"nsys": _NSYS_NVTX},
        "nvtx",
    ),
    Table(
        "os_calls",
        "one call of an operating system function",
        _columns(
            ("os_call_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("name", "VARCHAR", "function"),
            *_TIMES,
            *_THREAD,
            (
                "stack_id",
                "BIGINT",
                "the stack of calls around it, see call_stacks; NULL if not recorded",
            ),
        ),
        {"nsys": "nsys profile --trace=osrt"},
        "osrt",
    ),
    Table(
        "cpu_samples",
        "one look at a thread that ran on a CPU: which code it was at",
        _columns(
            ("cpu_sample_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began"),
            *_THREAD,
            ("cpu_id", "INTEGER", "logical CPU that it ran on"),
            ("thread_state", "VARCHAR", "as nsys calls it: Running, Interruptible, Uninterruptible …"),
            (
                "cpu_cycles",
                "BIGINT",
                "what the counter behind the samples tells, as nsys calls it; 1 where a clock takes them",
            ),
            ("stack_id", "BIGINT", "where it was, see call_stacks; NULL where no frame was recorded"),
            ("address", "BIGINT", "of the instruction that it was at, in the process's memory"),
            _AROUND,
        ),
        {"nsys": "nsys profile --sample=process-tree"},
    ),
    Table(
        "python_samples",
        "one look at a thread of a Python interpreter: which code it was at",
        _columns(
            ("python_sample_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began"),
            *_THREAD,
            ("thread_state", "VARCHAR", "as nsys calls it: Running, Blocking Wait or Uninterruptible"),
            ("stack_id", "BIGINT", "where it was, see call_stacks"),
            _AROUND,
        ),
        {"nsys": "nsys profile --python-sampling=true"},
    ),
    Table(
        "thread_states",
        "one stretch of time in which a thread ran on one CPU, or waited for one or for something else",
        _columns(
            _TRACE_ID,
            ("start_ns", "BIGINT", "start, nanoseconds since the trace began"),
            (
                "end_ns",
                "BIGINT",
                "end, nanoseconds since the trace began; NULL for the last one of a thread, and where the "
                "record of its end is lost",
            ),
            ("duration_ns", "BIGINT", "end minus start, nanoseconds; NULL if not known"),
            *_THREAD,
            ("is_on_cpu", "BOOLEAN", "whether it ran"),
            ("cpu_id", "INTEGER", "logical CPU that it ran on, or left"),
            (
                "thread_state",
                "VARCHAR",
                "what it left the CPU for, as nsys calls it: Interruptible, Terminated …; NULL if it ran, or "
                "nsys does not know",
            ),
            ("wait_reason", "VARCHAR", "what it waits for, as nsys calls it; NULL if not recorded"),
        ),
        {"nsys": "nsys profile --cpuctxsw=process-tree"},
    ),
    Table(
        "call_stacks",
        "one frame of one stack of calls; each stack is there once, however many samples and calls have it",
        _columns(
            _TRACE_ID,
            ("stack_id", "BIGINT", "unique in the database"),
            ("stack_kind", "VARCHAR", "native, or python for the frames of its interpreter"),
            ("frame_depth", "INTEGER", "place in the stack: 0 is the code that ran, its caller is 1"),
            ("frame_function", "VARCHAR", "the function; NULL if nsys found no symbol"),
            ("frame_module", "VARCHAR", "library or program that holds it; NULL of Python"),
            ("frame_file", "VARCHAR", "its source file; NULL of native code"),
            ("frame_line", "BIGINT", "line that it was at; NULL of native code"),
            (
                "frame_address",
                "BIGINT",
                "where the call returns to, in the process's memory; NULL of Python, and of the code that a "
                "sample found, whose address it has itself",
            ),
            ("is_kernel_mode", "BOOLEAN", "whether it is code of the operating system's kernel"),
        ),
        {"nsys": "nsys profile --sample=process-tree, of calls --cudabacktrace=all --python-backtrace=cuda"},
    ),
    Table(
        "library_calls",
        "one call of a library, or event of a programming model's runtime, that the profiler traced itself; "
        "what comes as NVTX ranges (today's cuBLAS, NCCL) is in nvtx_ranges: see the view calls_of_libraries",
        _columns(
            ("library_call_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            ("library", "VARCHAR", "MPI, UCX, OpenACC, OpenMP, cuBLAS or cuDNN"),
            (
                "call_class",
                "VARCHAR",
                "MPI: p2p, collectives, start_wait or other; UCX: submit, progress or other; OpenACC: "
                "launch, data or other; OpenMP: parallel, task, sync_region_wait …; NULL for others",
            ),
            ("name", "VARCHAR", "function, or kind of event"),
            *_TIMES,
            *_THREAD,
            (
                "range_id",
                "BIGINT",
                "innermost push/pop range of the thread around its start; NULL outside any",
            ),
        ),
        {"nsys": "nsys profile --trace=mpi,ucx,openacc,openmp,cublas,cudnn"},
    ),
    Table(
        "library_messages",
        "one message or request of a library call that passes data (MPI, UCX); a call may have several",
        _columns(
            ("library_call_id", "BIGINT", "the call, see library_calls"),
            _TRACE_ID,
            ("message_place", "BIGINT", "which of the call's, from 1"),
            (
                "communicator_handle",
                "BIGINT",
                "MPI: handle of the communicator, which means nothing in other processes; NULL without one",
            ),
            ("tag", "BIGINT", "of the message; NULL without one"),
            ("peer", "BIGINT", "MPI: rank of the other side; UCX: its worker; NULL if not told"),
            ("root_rank", "BIGINT", "MPI: rank of the collective's root; NULL without one"),
            ("message_bytes", "BIGINT", "of a message, or what a collective sends; NULL if not told"),
            ("received_bytes", "BIGINT", "what a collective receives; NULL if not told, and of messages"),
            ("request", "BIGINT", "MPI: handle of the request; NULL without one"),
            ("buffer_address", "BIGINT", "UCX: where the data lie, in the process; NULL for MPI"),
        ),
    ),
    Table(
        "directives",
        "what OpenACC or OpenMP tells of one of its calls",
        _columns(
            ("library_call_id", "BIGINT", "the call, see library_calls"),
            _TRACE_ID,
            (
                "directive_kind",
                "VARCHAR",
                "OpenACC: Enqueue launch, Wait …; OpenMP: Loop region, Implicit barrier …; NULL without one",
            ),
            ("source_file", "VARCHAR", "OpenACC: its source file, without the folder; NULL if not told"),
            ("source_line", "INTEGER", "OpenACC: line of the directive; NULL if not told"),
            ("function", "VARCHAR", "OpenACC: the function that it is in; NULL if not told"),
            ("data_variable", "VARCHAR", "OpenACC: the variable whose data it is about; NULL of others"),
            ("kernel", "VARCHAR", "OpenACC: the kernel that it launches; NULL of others"),
            ("data_bytes", "BIGINT", "OpenACC: of data that are allocated or moved; NULL of others"),
            ("device_type", "VARCHAR", "OpenACC: NVIDIA, Host …; NULL for OpenMP"),
            ("device_id", "INTEGER", "OpenACC: CUDA device ordinal; NULL for other devices"),
            ("context_id", "BIGINT", "OpenACC: CUDA context; NULL for other devices"),
            ("stream_id", "BIGINT", "OpenACC: CUDA stream; NULL for other devices"),
            ("gangs", "BIGINT", "OpenACC: gangs of a launch; NULL of others"),
            ("workers", "BIGINT", "OpenACC: workers of a gang; NULL of others"),
            ("vector_length", "BIGINT", "OpenACC: lanes of a worker; NULL of others"),
            ("parallel_id", "BIGINT", "OpenMP: number of the parallel region; NULL if not told"),
            (
                "task_id",
                "BIGINT",
                "OpenMP: the task that it is in, or that begins; NULL if not told",
            ),
            ("parent_task_id", "BIGINT", "OpenMP: the task that created or left for it; NULL if not told"),
            ("wait_id", "BIGINT", "OpenMP: lock or section that is waited for or held; NULL of others"),
            ("iterations", "BIGINT", "OpenMP: how much work a shared region has; NULL of others"),
        ),
    ),
    Table(
        "profiler_overhead",
        "one stretch of a thread's time that the profiler, or the driver for it, took",
        _columns(
            ("profiler_overhead_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            (
                "activity",
                "VARCHAR",
                "what it was, as nsys calls it: CUPTI Buffer flush, TLS allocation …; Unknown, too",
            ),
            (
                "overhead_type",
                "VARCHAR",
                "kind by CUPTI: Buffer flush (Profiler), Lazy function loading (CUDA) …; NULL before 2026",
            ),
            ("told_by", "VARCHAR", "nsys or CUPTI; what both tell counts twice"),
            *_TIMES,
            *_THREAD,
        ),
        {"nsys": _NSYS_CUDA},
    ),
    Table(
        "um_cpu_page_faults",
        "one page fault of the CPU on managed memory",
        _columns(
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began"),
            *_PROCESS,
            ("virtual_address", "BIGINT", "page"),
            ("instruction", "VARCHAR", "function, or address of the instruction, that touched the page"),
            ("source_file", "VARCHAR", "its source file, without the folder; NULL if not resolved"),
            ("source_line", "INTEGER", "line in the source file"),
        ),
        {"nsys": "nsys profile --trace=cuda --cuda-um-cpu-page-faults=true"},
    ),
    Table(
        "um_gpu_page_faults",
        "page faults of one GPU on one page of managed memory, as the driver served them together",
        _columns(
            _TRACE_ID,
            *_TIMES,
            *_PROCESS,
            *_GPU,
            ("virtual_address", "BIGINT", "page"),
            ("page_faults", "BIGINT", "how many"),
            ("access_type", "VARCHAR", "Read, Write, Atomic, Prefetch or Unknown"),
        ),
        {"nsys": "nsys profile --trace=cuda --cuda-um-gpu-page-faults=true"},
    ),
    Table(
        "gpu_samples",
        "one GPU metric at one time, sampled by the hardware",
        _columns(
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began; before it, too"),
            ("gpu_id", "INTEGER", "GPU of the machine, see gpus"),
            ("metric", "VARCHAR", "as nsys calls it, without the unit: SMs Active, DRAM Read Bandwidth"),
            ("unit", "VARCHAR", "as nsys calls it: Throughput % of what the GPU can do, Avg, MHz"),
            ("value", "DOUBLE", "since the sample before; numbers of one byte wrap around at 127"),
        ),
        {"nsys": "nsys profile --gpu-metrics-devices=all"},
    ),
    Table(
        "counter_samples",
        "one value of a counter that is no GPU metric: of NVTX, a network card, a switch, the system",
        _columns(
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began; before it, too"),
            ("span_ns", "BIGINT", "the time before it that the value tells of; NULL of a state at that time"),
            (
                "source",
                "VARCHAR",
                "nvtx, nvml (power, temperature), nic, ib_switch, soc, cpu, os (what Linux counts) or "
                "wddm (GPU memory of Windows)",
            ),
            ("device", "VARCHAR", "what is counted, as the report names it: mlx5_0 port 1, a scope of NVTX"),
            ("gpu_id", "INTEGER", "GPU of the machine, see gpus; NULL where it is of none, or not told"),
            ("metric", "VARCHAR", "as the report names it; a field of a counter group behind its group"),
            ("unit", "VARCHAR", "as the report names it: bytes/ms, W; NULL where it does not"),
            ("value", "DOUBLE", "as recorded"),
        ),
        {
            "nsys": "nsys profile --enable=nvml_metrics (power), --os-events=0,2 (Linux), --trace=nvtx, "
            "or --nic-metrics=true"
        },
    ),
    Table(
        "gpu_context_switches",
        "one step of a switch between contexts on a GPU, of all processes that use it",
        _columns(
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began; before it, too"),
            ("switch_number", "BIGINT", "order of the events of a GPU, as the driver numbers them"),
            ("gpu_id", "INTEGER", "GPU of the machine, see gpus"),
            ("hardware_context_id", "BIGINT", "the context, as the GPU numbers it: no number of CUDA's"),
            ("owner_id", "BIGINT", "whose it is, as process_id; NULL where it is not told"),
            ("owner_pid", "BIGINT", "whose it is, as the host numbers it: containers number their own"),
            (
                "switch_step",
                "VARCHAR",
                "restore start (the context has the GPU from then on), save end (until then), or what else "
                "the driver tells: engine reset, front-end ACK …",
            ),
        ),
        {"nsys": "nsys profile --gpuctxsw=true"},
    ),
    Table(
        "streams",
        "one CUDA stream, or a context of which no stream is known; of ncu, those that NVTX named",
        _columns(
            _TRACE_ID,
            *_PROCESS,
            *_GPU,
            ("context_id", "BIGINT", "CUDA context"),
            ("stream_id", "BIGINT", "CUDA stream; NULL of a context alone"),
            ("stream", "VARCHAR", "its name, given with nvtxNameCudaStream; NULL without"),
            ("context", "VARCHAR", "name of its context, given with nvtxNameCuContext; NULL without"),
            ("device_name", "VARCHAR", "name of its device, given with nvtxNameCudaDevice; NULL without"),
            ("stream_type", "VARCHAR", "default, blocking, non-blocking or null, as the report tells"),
            ("stream_priority", "INTEGER", "lower numbers run first; NULL where it is not told"),
        ),
        {"nsys": _NSYS_CUDA},
        "cuda",
    ),
    Table(
        "contexts",
        "one CUDA context, or green context",
        _columns(
            _TRACE_ID,
            *_PROCESS,
            *_GPU,
            ("context_id", "BIGINT", "CUDA context; of a green one as in green_context_id"),
            ("is_green", "BOOLEAN", "whether it is green: has a part of the GPU's SMs"),
            ("parent_context_id", "BIGINT", "the context that a green one belongs to; NULL for others"),
            ("default_stream_id", "BIGINT", "its default stream"),
        ),
        {"nsys": _NSYS_CUDA},
        "cuda",
    ),
    Table(
        "generic_events",
        "one event that traceql knows no more of than its time and its name: of graphics, video, the system",
        _columns(
            ("generic_event_id", "BIGINT", "unique in the database"),
            _TRACE_ID,
            (
                "source",
                "VARCHAR",
                "table of nsys export that holds it: VULKAN_API, ETW_EVENTS, NVVIDEO_ENCODER_API",
            ),
            ("name", "VARCHAR", "function, type or text of the event; NULL where it has none"),
            *_TIMES,
            *_THREAD,
            (
                "attributes",
                "JSON",
                "its other columns, as nsys export names them; NULL of the system's events of processes that "
                "were not profiled",
            ),
        ),
        {"nsys": "nsys profile --trace=vulkan,opengl,dx12,nvvideo,syscall …, or --etw-provider, --ftrace"},
    ),
    Table(
        "diagnostics",
        "one message of the profiler about the recording",
        _columns(
            _TRACE_ID,
            ("time_ns", "BIGINT", "when, nanoseconds since the trace began"),
            ("severity", "VARCHAR", "info, warning or error"),
            ("source", "VARCHAR", "injection, daemon or analysis"),
            ("text", "VARCHAR", "the message; file paths are replaced by <path>"),
        ),
    ),
    Table(
        "doubts",
        "one thing that cannot be right about recorded times, of the events in one table",
        _columns(
            _TRACE_ID,
            ("table_name", "VARCHAR", "where the events are: kernels, api_calls …"),
            (
                "fault",
                "VARCHAR",
                "backwards (end before start), overrun (still running when the next operation of the stream "
                "has ended), repeated, before_launch, early (before the recording) or late (after it)",
            ),
            ("events", "BIGINT", "how many"),
            ("doubtful_ns", "BIGINT", "how much of their time is too much; NULL where that is not known"),
            (
                "total_ns",
                "BIGINT",
                "time of all events of the table, as recorded; NULL where none is doubtful",
            ),
            ("text", "VARCHAR", "the same as a sentence, with an example"),
        ),
    ),
    Table(
        "metrics",
        "one metric of one profiled workload",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the workload, see kernels"),
            ("metric", "VARCHAR", "NVIDIA's name, for example dram__bytes_write.sum"),
            ("unit", "VARCHAR", "byte, ns, % …; empty if there is none, NULL if it is not known"),
            ("value", "DOUBLE", "NULL when the report holds no value"),
            ("value_text", "VARCHAR", "value of a text metric; nan or inf where the number is not finite"),
            (
                "label",
                "VARCHAR",
                "what ncu's pages call it: Waves Per SM; NULL if no section of the report shows it",
            ),
        ),
        {"ncu": "ncu --set full, or ncu --metrics NAME,…"},
    ),
    Table(
        "metric_instances",
        "one value of a metric below the workload: of an instruction, an opcode, a moment or a pass",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the workload, see kernels"),
            ("instance_metric", "VARCHAR", "NVIDIA's name, for example smsp__pcsamp_sample_count"),
            (
                "instance_id",
                "BIGINT",
                "what the value is of, by number: address of an instruction, nanoseconds since 1970, pass …; "
                "NULL where it has a name",
            ),
            (
                "instance_name",
                "VARCHAR",
                "what the value is of, by name: an opcode; NULL where it has a number",
            ),
            ("instance_value", "DOUBLE", "NULL when the report holds no value"),
            ("instance_text", "VARCHAR", "value that is a text; nan or inf where the number is not finite"),
        ),
        {"ncu": "ncu --set full, or ncu --section SourceCounters"},
    ),
    Table(
        "sass_instructions",
        "one instruction of a profiled workload that was counted or sampled, where the report holds its code",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the workload, see kernels"),
            ("address", "BIGINT", "where it lay, see metric_instances"),
            ("sass", "VARCHAR", "the instruction in words; NULL unless NVIDIA's library decoded the report"),
            ("source_file", "VARCHAR", "source file that it comes from; NULL if its code has no line table"),
            ("source_line", "INTEGER", "line of that file, from 1"),
            ("source_text", "VARCHAR", "the line itself; NULL if the report does not hold the file"),
        ),
        {"ncu": "ncu --import-source yes (compiled with nvcc -lineinfo), without --import-sass no"},
    ),
    Table(
        "ncu_ranges",
        "one NVTX range around one profiled workload; the view kernel_ranges holds them and those of nsys",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the kernel"),
            ("domain", "VARCHAR", "NVTX domain; empty for the default one"),
            ("style", "VARCHAR", "pushpop or startend"),
            ("depth", "INTEGER", "0 is the outermost range of its domain"),
            ("text", "VARCHAR", "message of the range"),
            ("path", "VARCHAR", "messages from the outermost range to this one, joined by /"),
            ("category", "VARCHAR", "category name, or its number if it has none"),
            ("color_argb", "BIGINT", "colour as 0xAARRGGBB"),
            ("payload", "VARCHAR", "payload value as text; JSON as it is"),
        ),
        {"ncu": "ncu --nvtx"},
        "nvtx",
    ),
    Table(
        "advice",
        "one result of an ncu rule",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the workload"),
            ("rule", "VARCHAR", "rule identifier"),
            ("section", "VARCHAR", "section it belongs to"),
            ("kind", "VARCHAR", "ok, optimization, warning, error or none"),
            ("title", "VARCHAR", "headline"),
            ("message", "VARCHAR", "the advice"),
            ("estimated_speedup_pct", "DOUBLE", "NVIDIA's estimate; NULL when it gives none"),
            ("speedup_scope", "VARCHAR", "what the estimate refers to: local (one pipeline) or global"),
        ),
        {"ncu": "ncu --set full (rules run with their sections)"},
    ),
    Table(
        "focus_metrics",
        "one metric that an ncu rule looked at for one of its results",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the workload"),
            ("focus_rule", "VARCHAR", "rule identifier, see advice"),
            ("focus_section", "VARCHAR", "section it belongs to"),
            ("focus_metric", "VARCHAR", "NVIDIA's name, or the rule's own"),
            ("focus_value", "DOUBLE", "what the rule found"),
            ("severity", "VARCHAR", "default, low or high"),
            ("info", "VARCHAR", "what would help, or what was compared"),
        ),
        {"ncu": "ncu --set full (rules run with their sections)"},
    ),
    Table(
        "source_markers",
        "one instruction or source line that an ncu rule means",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the workload"),
            ("marker_rule", "VARCHAR", "rule identifier, see advice"),
            ("marker_section", "VARCHAR", "section it belongs to"),
            ("marker_kind", "VARCHAR", "ok, optimization, warning, error or none"),
            ("marker_message", "VARCHAR", "what the rule says of it"),
            ("marker_address", "BIGINT", "the instruction, see sass_instructions; NULL of a source line"),
            ("marker_file", "VARCHAR", "its file; NULL of an instruction"),
            ("marker_line", "INTEGER", "line of that file, from 1; NULL of an instruction"),
        ),
        {"ncu": "ncu --section SourceCounters (rules run with their sections)"},
    ),
    Table(
        "launch_stacks",
        "one frame of a stack of calls from which an ncu workload was launched",
        _columns(
            _TRACE_ID,
            ("kernel_id", "BIGINT", "the workload"),
            ("stack_kind", "VARCHAR", "native or python, as ncu's --call-stack-type"),
            ("frame_depth", "INTEGER", "place in the stack: 0 is the call that launched, its caller is 1"),
            ("frame_function", "VARCHAR", "the function; NULL if not known"),
            ("frame_file", "VARCHAR", "its source file; NULL if not known"),
            ("frame_line", "BIGINT", "line of the call there; NULL if not known"),
            ("frame_module", "VARCHAR", "library or program that holds it; NULL of Python"),
            ("frame_address", "BIGINT", "of the call in the process's memory; NULL of Python"),
        ),
        {"ncu": "ncu --call-stack (with Python: --call-stack-type native --call-stack-type python)"},
    ),
    Table(
        "environment",
        "one private fact about a profiled process; filled by ingest --keep-environment only",
        _columns(
            _TRACE_ID,
            ("variable", "VARCHAR", "COMMAND_LINE, or the name of an environment variable"),
            ("content", "VARCHAR", "its value"),
        ),
    ),
    # Measurements made outside the profilers. A point of a sweep is one run: its tags say what was varied
    # (gpu, model, batch_size, input_len …), its metrics what was measured. A run of which there is a trace
    # too names it in a tag, so that neither needs the other.
    Table(
        "runs",
        "one run measured outside the profilers, for example one point of a sweep",
        _columns(
            ("run_id", "BIGINT", "unique in the database"),
            (
                "sweep",
                "VARCHAR",
                "label of the imported file, by default its name without suffix; of a report's sidecar, the "
                "trace's name with .run.json",
            ),
            ("position", "BIGINT", "place of the run in the file, from 1"),
            ("format", "VARCHAR", "csv, json, vllm-bench-latency, benchmark-sweep or sidecar"),
            ("file_name", "VARCHAR", "name of the imported file, without its folder"),
            ("sha256", "VARCHAR", "of the imported file"),
            ("gpu", "VARCHAR", "the GPU in gpu_specs that the tag gpu means; NULL if it is none of them"),
            ("tags", "MAP(VARCHAR, VARCHAR)", "what the run was: gpu, model, batch_size, input_len …"),
        ),
        MappingProxyType({"run": "traceql import-runs FILE"}),
    ),
    Table(
        "run_metrics",
        "one number measured outside the profilers",
        _columns(
            ("run_id", "BIGINT", "the run, see runs"),
            (
                "metric",
                "VARCHAR",
                "as in the imported file: ms_per_token, avg_latency, spec_num_draft_tokens …",
            ),
            ("unit", "VARCHAR", "ms, s, byte, % …; empty if the file does not tell"),
            ("sample", "BIGINT", "number of the repetition, from 1; NULL where the run gives one number"),
            ("value", "DOUBLE", "NULL where the file says nan"),
        ),
        MappingProxyType({"run": "traceql import-runs FILE"}),
    ),
)

#: The columns of the view gpu_architectures, whose rows come with traceql.
GPU_ARCHITECTURES = Table(
    "gpu_architectures",
    "one kind of SM: what it does per clock",
    _columns(
        ("architecture", "VARCHAR", "name"),
        (
            "compute_capabilities",
            "VARCHAR[]",
            "of the GPUs that it stands for; empty for one of named products alone",
        ),
        (
            "words",
            "VARCHAR[]",
            "that a product's name must have, too: of several that fit, the one with most of them",
        ),
        ("own_memory", "BOOLEAN", "false where the GPU shares the CPU's memory"),
        ("l1_bytes_per_clock_and_sm", "DOUBLE", "reads from L1; NULL where it is not known"),
        ("flop_per_clock_and_sm", "MAP(VARCHAR, DOUBLE)", "precision → dense FLOP; unknown ones are absent"),
        ("source", "VARCHAR", "where NVIDIA prints it"),
    ),
)

#: The columns of the view gpu_specs, whose rows come with traceql.
GPU_SPECS = Table(
    "gpu_specs",
    "one GPU model as NVIDIA describes it; see traceql gpu",
    _columns(
        ("gpu", "VARCHAR", "name"),
        (
            "keys",
            "VARCHAR[]",
            "words of its spellings, sorted; the view gpu_products matches names with them",
        ),
        ("sm_count", "INTEGER", "streaming multiprocessors"),
        ("sm_clock_hz", "DOUBLE", "clock behind the tensor peaks"),
        ("memory_bytes", "BIGINT", "DRAM size"),
        ("memory_bandwidth_bytes_per_s", "DOUBLE", "DRAM bandwidth"),
        ("l2_bytes", "BIGINT", "L2 cache size; NULL where nothing tells it"),
        ("l2_bandwidth_bytes_per_s", "DOUBLE", "reads from L2; NULL where NVIDIA publishes none"),
        ("l1_bandwidth_bytes_per_s", "DOUBLE", "derived: SMs × bytes per clock × their highest clock"),
        ("nvlink_bytes_per_s", "DOUBLE", "one direction, all links; NULL without NVLink"),
        ("pcie_bytes_per_s", "DOUBLE", "one direction; NULL where NVIDIA prints none"),
        ("peak_flop_per_s", "MAP(VARCHAR, DOUBLE)", "precision → dense peak; unknown ones are absent"),
        (
            "sources",
            "MAP(VARCHAR, VARCHAR)",
            "kind of figure → where NVIDIA prints it, or how it is computed",
        ),
    ),
)

#: The views whose rows come with traceql, by name.
SHIPPED: Mapping[str, Table] = MappingProxyType({view.name: view for view in (GPU_ARCHITECTURES, GPU_SPECS)})

BY_NAME: Mapping[str, Table] = MappingProxyType({table.name: table for table in TABLES})


def create_statements() -> list[str]:
    """SQL that creates every table with its comments, in order."""
    return [*(create_statement(table) for table in TABLES), *comment_statements()]


def create_statement(table: Table, name: str = "") -> str:
    """SQL that creates a table without comments, under another name if one is given."""
    columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    return f"CREATE TABLE {name or table.name} ({columns})"


def comment_statements() -> list[str]:
    """SQL that comments every table and its columns."""
    statements = []
    for table in TABLES:
        statements.append(f"COMMENT ON TABLE {table.name} IS {literal(table.grain)}")
        statements += [
            f"COMMENT ON COLUMN {table.name}.{c.name} IS {literal(c.meaning)}" for c in table.columns
        ]
    return statements


def literal(text: str) -> str:
    """`text` as a SQL string literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
