"""--from, --to and --within: every question about a timeline answers as it would of a trace cut by hand.

What nsys prints under --filter-time and --filter-nvtx is in ``expected/nsys_stats_filtered``.
"""

from __future__ import annotations

import copy as copies
import lzma
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import test_nvtx
from asked import OF_LITTLE
from made.nsys import Recording, copy, graph, kernel, memset, record, sync
from nsys_oracle import Columns, ask, assert_same, expected
from shipped import EVERY_FINDING, EXPECTED
from test_nsys_stats import LEFT_OUT, REPORTS

import traceql
from traceql.errors import QueryError
from traceql.questions import catalog
from traceql.questions.parameters import PLACES
from traceql.tables import schema, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from traceql import Database

DATABASES = EXPECTED.parent / "databases"

# --- as nsys filters ------------------------------------------------------------------------------------

TIMES: dict[str, dict[str, str]] = {
    "scv_baseline_graph": {"from_": "11ms", "to": "12ms"},
    "memory_and_ranges": {"from_": "50ms", "to": "82ms"},
}
FILTERED = ("cuda_gpu_kern_sum", "cuda_api_sum", "cuda_gpu_trace", "cuda_gpu_mem_time_sum", "cuda_api_trace")


@pytest.mark.parametrize("trace", TIMES)
@pytest.mark.parametrize("report", FILTERED)
def test_a_stretch_of_time_holds_what_nsys_stats_finds_in_it(
    corpus: Database, trace: str, report: str
) -> None:
    columns, params, order = REPORTS[report]
    theirs = expected("nsys_stats_filtered", f"{trace}_time", report)
    assert set(theirs[0]) - LEFT_OUT == set(columns)
    assert_same(ask(corpus, report, trace, **params, **TIMES[trace]), theirs, columns, order)


PROJECTED = {
    "Total Proj Time (ns)": "total_proj_ns",
    "Total Range Time (ns)": "total_range_ns",
    "Range Instances": "instances",
    "Proj Min (ns)": "min_proj_ns",
    "Proj Max (ns)": "max_proj_ns",
    "Total GPU Ops": "gpu_operations",
    "Style": "style",
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("trace", "how", "params"),
    [
        ("scv_baseline_graph", "time", TIMES["scv_baseline_graph"]),
        ("memory_and_ranges", "time", TIMES["memory_and_ranges"]),
        # Of a step whose work runs while it lasts: nsys filters GPU work by its time.
        ("scv_baseline_graph", "nvtx", {"within": "step#1"}),
    ],
)
def test_ranges_have_the_time_and_the_work_that_nsys_stats_finds_left(
    corpus: Database, trace: str, how: str, params: dict[str, Any]
) -> None:
    name = {"trace": f"{trace}.sqlite.xz", **params}
    for report, columns in (
        ("nvtx_sum", test_nvtx.SUMS | {"Style": "style"}),
        ("nvtx_gpu_proj_sum", PROJECTED),
    ):
        theirs = expected("nsys_stats_filtered", f"{trace}_{how}", report)
        # The event that names the domain lies before the window, and nsys loses the name with it.
        theirs = [row | {"Range": re.sub("^:(?=request_2)", "library:", row["Range"])} for row in theirs]
        test_nvtx.same(corpus.query(report, **name), theirs, columns)


def test_the_calls_within_a_range_are_those_of_nsys_stats(corpus: Database) -> None:
    columns, params, order = REPORTS["cuda_api_sum"]
    theirs = expected("nsys_stats_filtered", "scv_baseline_graph_nvtx", "cuda_api_sum")
    assert_same(
        ask(corpus, "cuda_api_sum", "scv_baseline_graph", within="step#1", **params), theirs, columns, order
    )


KERNELS_OF_RANGES: Columns = {
    "NVTX Range": (lambda row: f"{row['domain']}:{row['range']}", None),
    "NVTX Inst": ("range_instances", None),
    "Kern Inst": ("instances", None),
    "Total Time (ns)": ("total_ns", None),
    "Kernel Name": ("kernel", None),
}


@pytest.mark.parametrize("trace", TIMES)
def test_kernels_of_ranges_are_those_of_nsys_stats_where_their_launch_is_left(
    corpus: Database, trace: str
) -> None:
    ours = ask(corpus, "nvtx_kern_sum", trace, **TIMES[trace])
    # nsys lists kernels without a launch, too, with neither process nor thread.
    theirs = [row for row in expected("nsys_stats_filtered", f"{trace}_time", "nvtx_kern_sum") if row["PID"]]
    ranges = [row for row in ours if row["range"] is not None]
    assert_same(ranges, [row for row in theirs if row["NVTX Range"]], KERNELS_OF_RANGES)


# --- as a trace that is cut by hand ---------------------------------------------------------------------


_RUNTIME = "cudaLaunchKernel@/lib/libcudart.so.13"


def recorded() -> Recording:
    """Three steps alike, 1,000 ns apart, with all that a question reads; what crosses the middle one's ends, too."""
    made = Recording().duration(3_500).gpu(0, "NVIDIA H100 80GB HBM3", cuda=0).thread(1, "main")
    made.process(1, "/usr/bin/python3").process(2, "/usr/bin/python3").graph_node(8, 1)
    made.rank(0).rank(1, pid=2)
    for step in range(3):
        _step(made, 1_000 * step)
    # Launched in the first step, at work in the second; and in the second, at work in the third.
    made.call("cudaLaunchKernel", 950, 955, kernel("late", 1_020, 1_060, stream=9))
    made.call("cudaLaunchKernel", 1_950, 1_955, kernel("late", 2_020, 2_060, stream=9))
    return (
        made.range("across", 900, 1_100, tid=2).range("open", 1_500, None, tid=3).os_call("poll", 980, 1_010)
    )


def _step(made: Recording, at: int) -> None:
    made.range("execute_context_1(16)_generation_2(2)", at, at + 900)
    made.range("model.layers.0.mlp", at + 10, at + 400).range("request", at + 20, at + 800, style="startend")
    made.mark("now", at + 30).os_call("read", at + 40, at + 45).os_call("read", at + 50, at + 52, pid=2)
    work = kernel("sgemm", at + 120, at + 200, full="void sgemm<float>(float *)")
    made.call("cudaLaunchKernel", at + 100, at + 110, work)
    made.called_from(_RUNTIME, "forward@/bin/app", python=(f"step@/x/train.py:{7 + at // 1_000}",))
    made.call("cudaLaunchKernel", at + 112, at + 118, kernel("add", at + 210, at + 230, stream=8))
    made.call("cuLaunchKernel", at + 113, at + 117, layer="driver", nested=True)
    number = 1 + at // 1_000
    waited = sync("Stream wait sync", at + 234, at + 236, event=1, number=number, stream=8)
    made.call("cudaEventRecord", at + 231, at + 233, record(1, number=number))
    made.call("cudaStreamWaitEvent", at + 234, at + 236, waited)
    made.call(
        "cudaGraphLaunch",
        at + 240,
        at + 250,
        kernel("add", at + 260, at + 280, node=8),
        copy("Device-to-Device", at + 280, at + 290, 64, node=9),
    )
    made.call("cudaGraphLaunch", at + 300, at + 310, graph(at + 320, at + 400))
    made.call(
        "cudaMemcpyAsync", at + 405, at + 410, copy("Host-to-Device", at + 411, at + 440, 128, src="Pageable")
    )
    made.call("cudaMemcpy", at + 441, at + 460, copy("Device-to-Host", at + 445, at + 458, 1 << 20))
    made.call("cudaMemset", at + 461, at + 470, memset(at + 462, at + 469, 256, memory="Pinned"))
    made.call("cudaStreamSynchronize", at + 500, at + 600, sync("Stream sync", at + 501, at + 599))
    for pid in (1, 2):
        made.nccl("ncclAllReduce", at + 610, at + 640, pid=pid, communicator=0xA, size=1 << 20, reduction=0)
        reduce = kernel("ncclDevKernel_AllReduce", at + 650 + pid, at + 700, device=pid - 1)
        made.call("cudaLaunchKernel", at + 620, at + 630, reduce, pid=pid)
    made.range("execute_context_1(16)_generation_2(2)", at + 605, at + 800, pid=2)
    made.sample("SMs Active [Throughput %]", at + 150, 50 + at // 1_000)
    made.sample("SMs Active [Throughput %]", at + 650, 20 + at // 1_000)
    for when, share in ((150, 10), (650, 30 + at // 1_000), (690, 40)):
        made.sample("PCIe RX Throughput [Throughput %]", at + when, share).power(at + when, 100 + share)
    for when, pid in ((130, 1), (400, 2)):
        made.switch(8, at + when, pid=pid).switch(7, at + when + 200 + at // 100, pid=pid)
    made.cpu_fault(at + 700, 4096, "main", file="main.c", line=7).gpu_fault(at + 710, at + 720, 4096)
    migration = copy("Unified Host-to-Device", at + 725, at + 735, 4096, address=4096)
    made.call("cudaMemPrefetchAsync", at + 721, at + 724, migration)
    _step_on_cpus(made, at)


def _step_on_cpus(made: Recording, at: int) -> None:
    """What other libraries, the CPUs and the profiler did meanwhile."""
    step = at // 1_000
    made.mpi("MPI_Send", at + 740, at + 750 + step, of="p2p", tag=1, peer=1, size=64 + step)
    made.mpi("MPI_Recv", at + 740, at + 755, of="p2p", tag=1, peer=0, size=64, pid=2)
    for pid in (1, 2):
        made.mpi("MPI_Bcast", at + 760, at + 770, of="collectives", root=0, size=8, received=8, pid=pid)
    made.openacc("Enqueue Launch", at + 98, at + 111 + step, kind="Enqueue launch", line=20, kernel="sgemm")
    made.openmp("Parallel Region", at + 771, at + 780 + step, of="parallel", parallelId=step, parentTaskId=0)
    made.overhead("CUPTI Buffer flush", at + 781, at + 786 + step)
    made.cpu_sample(at + 105, _RUNTIME, "forward@/bin/app").cpu_sample(at + 640, "wait@/bin/app", pid=2)
    # Each step on a thread of its own: how long one is off its CPU follows from when it comes back.
    for when, cpu, on in ((620, 0, True), (640, 0, False), (655 + step, 1, True), (660 + step, 1, False)):
        made.scheduled(at + when, cpu, on=on, tid=10 + step)


def cut(made: Recording, is_kept: Callable[[Mapping[str, Any], str], bool]) -> Recording:
    """The recording with those of its timed events that are kept."""
    part = copies.deepcopy(made)
    for name, rows in part._tables.items():
        # Names of domains, threads and strings have no time of their own.
        rows[:] = [
            row for row in rows if name not in _TIMED or row.get("eventType") == 75 or is_kept(row, name)
        ]
    part._tables = {name: rows for name, rows in part._tables.items() if rows}
    return part


_TIMED = {
    "CUPTI_ACTIVITY_KIND_RUNTIME",
    "CUPTI_ACTIVITY_KIND_KERNEL",
    "CUPTI_ACTIVITY_KIND_MEMCPY",
    "CUPTI_ACTIVITY_KIND_MEMSET",
    "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION",
    "CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
    "NVTX_EVENTS",
    "OSRT_API",
    "GPU_METRICS",
    "GENERIC_EVENTS",
    "GPU_CONTEXT_SWITCH_EVENTS",
    "CUDA_UM_CPU_PAGE_FAULT_EVENTS",
    "CUDA_UM_GPU_PAGE_FAULT_EVENTS",
    "COMPOSITE_EVENTS",
    "SCHED_EVENTS",
    "MPI_P2P_EVENTS",
    "MPI_COLLECTIVES_EVENTS",
    "CUPTI_ACTIVITY_KIND_OPENACC_LAUNCH",
    "OPENMP_EVENT_KIND_PARALLEL",
    "PROFILER_OVERHEAD",
}


def _times(row: Mapping[str, Any]) -> tuple[int, float]:
    start = row["timestamp"] if "timestamp" in row else row["start"]
    # A mark has no end, and a range that was never closed lasts on.
    never = start if row.get("eventType") == 34 or "end" not in row else float("inf")
    return start, never if row.get("end") is None else row["end"]


def between(from_ns: int, to_ns: int) -> Callable[[Mapping[str, Any], str], bool]:
    def is_kept(row: Mapping[str, Any], _: str) -> bool:
        start, end = _times(row)
        return start < to_ns and end >= from_ns

    return is_kept


# Tells of ten launches of one shape at least; what it reads, kernel_drift, is asked. What is in use at a time
# hangs on all before: tests/ask/answers/memory has cases of a window.
NEEDS_MORE = ("slowing_kernels", "memory_over_time", "memory_peaks")
QUESTIONS = [
    query.name
    for query in catalog.shipped().queries.values()
    if PLACES["window"][0] in query.params and query.name not in NEEDS_MORE
]
IN_RANGES = [
    name for name in QUESTIONS if "within" in {param.name for param in catalog.shipped().find(name).params}
]
# Whose rows or shares are parts of the window, not of the recording.
CUT_TO_THE_WINDOW = {"cuda_gpu_time_util_map", "counters_over_time", "profiler_overhead"}
# What must be given, and what lets a question list what is there.
ASKED: dict[str, dict[str, Any]] = {
    "cuda_gpu_kern_pace": {"kernel": "*"},
    "nvtx_pace": {"range": "request"},
    "nvtx_gpu_proj_pace": {"range": "request"},
    "gpu_gaps": {"min_gap_ns": 0},
    "kernel_drift": {"fewest": 1},
    "cpu_bound_gaps": {"min_gap_ns": 0, "min_cpu_pct": 0},
    **EVERY_FINDING,
    **OF_LITTLE,
}
_IDS = {table.columns[0].name for table in schema.TABLES if table.of_trace} - {"trace_id"}
_IDS |= {
    "parent_id",
    "operation_id",
    "range_stack",
    "trace",
    "last_trace",
    "slowest_range_id",
    "usual_range_id",
}


def answer(database: Database, question: str, trace: str, **place: Any) -> list[dict[str, Any]]:
    """The rows without the numbers of rows, which are others in a trace that holds less.

    Of floats 12 digits: the last ones hang on the order in which rows are added up.
    """
    sides = question in ("diff", "effects")
    about = {"baseline": trace, "variant": trace} if sides else {"trace": trace}
    rows = database.query(question, **ASKED.get(question, {}), **about, **place).to_dicts()
    return [{name: _rounded(value) for name, value in row.items() if name not in _IDS} for row in rows]


def _rounded(value: Any) -> Any:
    return float(f"{value:.12g}") if isinstance(value, float) else value


@pytest.fixture(scope="module")
def made() -> Iterator[Database]:
    """The recording as `whole`, what ran from 1000 to 2000 as `middle`, and the second step as `second`."""
    with traceql.open(":memory:") as database:
        recorded().store(database, "whole")
        cut(recorded(), between(1_000, 2_000)).store(database, "middle")
        cut(recorded(), of_the_second_step()).store(database, "second")
        yield database


@pytest.fixture(scope="module")
def whole(made: Database) -> Callable[[str], list[dict[str, Any]]]:
    """What a question answers about all of `whole`, asked once for all that is compared with it."""
    return cache(lambda question: answer(made, question, "whole"))


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_window_around_everything_changes_nothing(
    made: Database, whole: Callable[[str], list[dict[str, Any]]], question: str
) -> None:
    assert whole(question)
    assert answer(made, question, "whole", from_=-1, to="1s") == whole(question)
    assert answer(made, question, "whole", from_="0ns") == whole(question)


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_window_after_everything_holds_nothing(made: Database, question: str) -> None:
    rows = answer(made, question, "whole", from_="1s", to="2s")
    # A range that was never closed lasts on, but nothing runs; a process is known whatever runs.
    told = [
        row
        for row in rows
        if "open" not in (row.get("range"), row.get("name"), row.get("module"))
        and row.get("finding") not in ("no GPU work", "unused GPU")
    ]
    if question == "diff":
        told = [row for row in told if row["baseline"] and row["path"] != "open"]
    assert not told, told


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_window_in_the_middle_answers_as_a_trace_of_what_ran_in_it(
    made: Database, whole: Callable[[str], list[dict[str, Any]]], question: str
) -> None:
    middle = {"from_": 1_000, "to": "2us"}
    found = answer(made, question, "whole", **middle)
    assert found == answer(made, question, "middle", **(middle if question in CUT_TO_THE_WINDOW else {}))
    assert found != whole(question)


def of_the_second_step() -> Callable[[Mapping[str, Any], str], bool]:
    """What belongs to the second step of each process, from 1000 to 1900 (of the second one, from 1605 to 1800)."""
    spans = {1: (1_000, 1_900), 2: (1_605, 1_800)}
    calls = {
        (row["globalTid"] >> 24, row["correlationId"]): row["start"]
        for row in recorded()._tables["CUPTI_ACTIVITY_KIND_RUNTIME"]
    }

    def is_kept(row: Mapping[str, Any], table: str) -> bool:
        start, end = _times(row)
        if table in ("GPU_METRICS", "GENERIC_EVENTS", "GPU_CONTEXT_SWITCH_EVENTS"):
            # While the work of the steps runs on GPUs.
            return 1_120 <= start < 1_735
        process = (row["globalTid"] if "globalTid" in row else row["globalPid"]) >> 24
        low, high = spans[process & 0xFFFFFF]
        if table == "NVTX_EVENTS":
            return start >= low and end <= high
        launched = calls.get((process, row["correlationId"]), start) if "correlationId" in row else start
        return low <= launched < high

    return is_kept


@pytest.mark.long
@pytest.mark.parametrize("question", IN_RANGES)
def test_an_instance_of_a_range_answers_as_a_trace_of_what_belongs_to_it(
    made: Database, whole: Callable[[str], list[dict[str, Any]]], question: str
) -> None:
    found = answer(made, question, "whole", within="execute_context_*#1")
    second = {"within": "execute_context_*"} if question in CUT_TO_THE_WINDOW else {}
    assert found == answer(made, question, "second", **second)
    assert found != whole(question)


# --- what is meant --------------------------------------------------------------------------------------


def steps(*names: str) -> Recording:
    """Ranges of these names, 100 ns each, one after the other, with a kernel of 10 ns each."""
    made = Recording()
    for number, name in enumerate(names):
        at = 100 * number
        made.range(name, at, at + 90).call(
            "cudaLaunchKernel", at + 1, at + 2, kernel(f"k{number}", at + 3, at + 13)
        )
    return made


@pytest.mark.parametrize(
    ("within", "kernels"),
    [
        ("iter_1", {"k0"}),  # An underscore is a letter: neither iter11 nor "iter 1".
        ("iter*", {"k0", "k1", "k2"}),
        ("iter%", {"k0", "k1", "k2"}),
        ("iter?1", {"k0", "k1", "k2"}),
        ("iter*#1", {"k1"}),
        ("Step#5", {"k3"}),  # A text may end in # and a number.
        ("Step#5#0", {"k3"}),
        ("Step#*#1", {"k4"}),
    ],
)
def test_a_range_is_meant_by_name_pattern_and_number(within: str, kernels: set[str]) -> None:
    with steps("iter_1", "iter11", "iter 1", "Step#5", "Step#6").database() as database:
        assert set(database.query("top_kernels", within=within)["kernel"]) == kernels


@pytest.mark.long
def test_a_window_and_a_range_hold_what_lies_in_both() -> None:
    with steps("a", "a", "b").database() as database:
        assert database.query("top_kernels", within="a", from_=50)["kernel"].to_list() == ["k1"]


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"within": "no"}, "no range in the database is called 'no'"),
        ({"within": "a#2"}, "no process has 3 ranges called 'a'"),
        ({"from_": "2us", "to": "1us"}, "the time from 2,000 ns to 1,000 ns is none"),
        ({"from_": "soon"}, "'soon' is no time"),
        ({"to": 1.5}, "1.5 is no time"),
        ({"to": "9" * 5_000}, "a number of more than 38 digits is no time"),
        ({"to": "1e999999s"}, "a number of more than 38 digits is no time"),
    ],
)
def test_a_place_that_is_none_is_refused(place: dict[str, Any], problem: str) -> None:
    with steps("a", "a", "b").database() as database, pytest.raises(QueryError, match=problem):
        database.query("top_kernels", **place)


@pytest.mark.long
def test_kernels_whose_launch_the_window_cuts_off_are_noted(made: Database) -> None:
    said = made.ask("top_kernels", trace="whole", from_=1_000, to=2_000).notes
    assert [note.code for note in said if note.code == "window"] == ["window"]
    assert any(
        note.text.startswith("1 of 6 kernels between these times were launched before or") for note in said
    )


@pytest.mark.parametrize(
    ("place", "kernels"),
    [
        ({}, {"own": 1, "idle": None}),
        # What the range launched is gone, and what another thread launched is left.
        ({"from_": 100}, {"own": None, "idle": None}),
        # Nobody launched what is left.
        ({"from_": 200}, {"own": 0, "idle": 0}),
        ({"to": 5}, {"own": 0, "idle": 0}),
    ],
)
def test_what_others_launched_is_judged_by_what_is_left_in_the_window(
    place: dict[str, Any], kernels: dict[str, int | None]
) -> None:
    made = Recording().range("own", 0, 300).range("idle", 0, 300, tid=3).launch(10, 20, (30, 40))
    with made.launch(150, 160, (170, 210), tid=2).database() as database:
        rows = database.query("range_launches", **place).to_dicts()
    assert {row["range"]: row["kernels"] for row in rows} == kernels


@pytest.mark.parametrize(
    ("place", "kernels"),
    [
        # Its own launch outlasts it: none, whoever else launches.
        ({}, 0),
        ({"to": 60}, 0),
        # That launch is over, and what another thread launched is left.
        ({"from_": 60}, None),
        ({"from_": 100}, 0),
    ],
)
def test_a_launch_that_outlasts_a_range_tells_of_it_as_far_as_it_is_in_the_window(
    place: dict[str, Any], kernels: int | None
) -> None:
    made = Recording().range("r", 20, 200).launch(10, 50, (60, 70)).launch(80, 90, (95, 99), tid=2)
    with made.database() as database:
        assert database.query("range_launches", **place)["kernels"].to_list() == [kernels]


@pytest.mark.long
def test_work_of_no_duration_at_the_end_of_the_window_is_no_range_s() -> None:
    made = Recording().range("empty", 0, 10).launch(5, 6, (20, 20))
    with made.range("half", 10, 15).launch(10, 11, (18, 19), (20, 20)).database() as database:
        rows = database.query("nvtx_gpu_proj_sum", to=20).to_dicts()
        assert [(row["range"], row["gpu_operations"]) for row in rows] == [("half", 1)]


@pytest.mark.long
def test_a_range_that_the_window_cuts_holds_its_start_and_not_its_end() -> None:
    made = Recording().range("cut", 0, 10).launch(5, 6, (20, 21)).launch(10, 10, (30, 31))
    with made.database() as database:
        for place in ({}, {"from_": 3}):
            (row,) = database.query("nvtx_gpu_proj_sum", **place).to_dicts()
            assert row["gpu_operations"] == 1


def test_equal_ranges_are_one_stretch_of_time_and_leave_the_one_before_alone() -> None:
    made = Recording()
    for at in range(0, 2_000, 20):
        made.range("asked", at, at + 4).range("between", at + 6, at + 8)
        made.range("asked", at + 10, at + 12).range("asked", at + 10, at + 12)
    with made.database() as database:
        assert set(database.query("nvtx_sum", within="asked")["range"]) == {"asked"}


def test_the_answer_says_what_it_was_narrowed_to(made: Database) -> None:
    asked = made.ask("top_kernels", trace="who*", from_="1us", within="request")
    assert asked.parameters["trace"] == ["whole"]
    assert (asked.parameters["from"], asked.parameters["to"], asked.parameters["within"]) == (
        1_000,
        None,
        "request",
    )


def test_every_table_with_times_is_narrowed() -> None:
    timed = {
        table.name
        for table in schema.TABLES
        if table.of_trace
        and {"start_ns", "time_ns", "created_ns"} & {column.name for column in table.columns}
    }
    # Messages are about the recording, nodes of graphs are made before they run, memory stays allocated, and
    # what waits for an event may do so long after its record.
    assert timed - {table.name for table in window.narrowed()} == {
        "diagnostics",
        "event_records",
        "graph_events",
        "graph_nodes",
        "memory_events",
        "memory_pool_events",
    }


def test_a_question_without_a_window_sees_everything_after_one_with_a_window(made: Database) -> None:
    before, kernels = answer(made, "top_kernels", "whole"), made.sql("SELECT count(*) FROM kernels").item()
    answer(made, "top_kernels", "whole", from_=1_000)
    assert answer(made, "top_kernels", "whole") == before
    assert made.sql("SELECT count(*) FROM kernels").item() == kernels


@pytest.mark.long
@pytest.mark.parametrize("version", [1, 2])
def test_a_database_of_an_older_version_is_narrowed_as_one_of_today(version: int, tmp_path: Path) -> None:
    packed = DATABASES / f"version_{version}.duckdb.xz"
    (tmp_path / "old.duckdb").write_bytes(lzma.decompress(packed.read_bytes()))
    with traceql.open(tmp_path / "old.duckdb") as database:
        whole, part = (
            database.query("top_kernels", trace="scv_nwor_vectorized*", limit=None, **place)[
                "instances"
            ].sum()
            for place in ({}, {"within": "step#1", "from_": "0ms"})
        )
        (steps,) = database.query("nvtx_gpu_proj_sum", trace="scv_nwor_vectorized*").filter(range="step")[
            "instances"
        ]
        assert 0 < part < whole
        assert part * steps == pytest.approx(whole, rel=0.1)


# --- traces ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("a_1", ["a_1"]),
        ("a*", ["a_1", "ab1"]),
        (["b", "a?1"], ["a_1", "ab1", "b"]),
        ("gpu=h200", ["a_1"]),
        ("gpu=h*", ["a_1", "b"]),
        ("x=y", ["x=y"]),  # A name comes before a tag.
    ],
)
def test_traces_are_meant_by_name_pattern_and_tag(words: str | list[str], names: list[str]) -> None:
    with traceql.open(":memory:") as database:
        for name, tags in {
            "a_1": {"gpu": "h200"},
            "ab1": {"x": "y"},
            "b": {"gpu": "h100"},
            "x=y": {},
        }.items():
            Recording(**tags).work(kernel("k", 0, 1)).store(database, name)
        assert sorted(database.query("top_kernels", trace=words)["trace"]) == names


def test_words_that_mean_no_trace_and_one_too_many_are_refused() -> None:
    with traceql.open(":memory:") as database:
        for name in ("a", "b"):
            Recording(gpu="h200").work(kernel("k", 0, 1)).store(database, name)
        for word in ("c", "c*", "gpu=h100", "mode=x"):
            with pytest.raises(QueryError, match=r"no trace (is called|has the tag)"):
                database.query("top_kernels", trace=word)
        with pytest.raises(
            QueryError, match="gpu=h200 means 2 traces, where counters_on_timeline compares one"
        ):
            database.query("counters_on_timeline", timeline="gpu=h200", counters="a")
        with pytest.raises(QueryError, match="no trace has a tag 'mode'"):
            database.query("top_kernels", by="mode")


# What is added up, and what has a `by` of its own beside the tag.
TOTALS = [
    (query.name, param.takes_tag)
    for query in catalog.shipped().queries.values()
    for param in query.params
    if query.name in QUESTIONS and (param.takes_tag or param in PLACES["totals"])
]


@pytest.fixture(scope="module")
def twins() -> Iterator[Database]:
    """The recording twice, as `a` and as `b`, which have a tag in common."""
    with traceql.open(":memory:") as database:
        for name in ("a", "b"):
            twin = recorded()
            twin._tags = {"run": "both"}
            twin.store(database, name)
        yield database


@pytest.mark.long
@pytest.mark.parametrize(("question", "takes_tag"), TOTALS)
def test_two_traces_of_one_tag_are_added_up(twins: Database, question: str, takes_tag: bool) -> None:
    by = "tag:run" if takes_tag else "run"
    one = answer(twins, question, "a")
    both = answer(twins, question, "*", by=by)
    assert twins.query(question, by=by, **ASKED.get(question, {}))["trace"].unique().to_list() == ["both"]
    counts = {
        "instances",
        "calls",
        "total_ns",
        "kernel_ns",
        "samples",
        "cpu_page_faults",
        "gpu_operations",
        "gpu_ns",
        "steps",
        "span_ns",
        "time_ns",
    }
    assert len(both) == len(one)
    compared = [name for name in one[0] if name in counts]
    assert compared
    for name in compared:
        assert sum(row[name] or 0 for row in both) == 2 * sum(row[name] or 0 for row in one), name


def test_what_has_no_tag_stands_for_itself_and_a_window_holds_for_each() -> None:
    with traceql.open(":memory:") as database:
        Recording(gpu="h200").work(kernel("k", 0, 1), kernel("k", 10, 12)).store(database, "a")
        Recording().work(kernel("k", 10, 13)).store(database, "b")
        found = database.query("top_kernels", by="gpu", from_=5)
        assert found.select("trace", "instances", "total_ns").rows() == [("b", 1, 3), ("h200", 1, 2)]


@pytest.mark.long
def test_rows_are_by_their_own_word_and_by_a_tag_at_the_same_time() -> None:
    with traceql.open(":memory:") as database:
        for name, started in (("a", 0), ("b", 100)):
            made = Recording(run="both", thread="x").range("step", started, started + 50)
            made.launch(started + 10, started + 20, (started + 20, started + 27), tid=2).store(database, name)

        def kernels(**by: Any) -> list[tuple[Any, ...]]:
            found = database.query("range_launches", **by)
            return found.select("trace", "instances", "kernels", "gpu_ns").rows()

        assert kernels(by="process") == [("a", 1, 1, 7), ("b", 1, 1, 7)]
        assert (
            kernels(by=["process", "tag:run"]) == kernels(by=["tag:run", "process"]) == [("both", 2, 2, 14)]
        )
        # A tag of the name of a word of its own is meant by its prefix.
        assert kernels(by="tag:thread") == [("x", 2, None, None)]
        asked = database.ask("range_launches", by="tag:run")
        assert asked.parameters["by"] == ["thread", "tag:run"]
        (note,) = asked.notes
        assert note.code == "launched_elsewhere"
        assert note.text.startswith("2 ranges in a, b (step in a) ")
        assert database.query("top_kernels", by="tag:run")["trace"].to_list() == ["both"]
        for by, problem in (
            ("run", "by must be thread or process, not 'run'"),
            ("tag:mode", "no trace has a tag 'mode'"),
            (["thread", "process"], "thread, process are too many"),
            (["tag:run", "tag:thread"], "tag:run, tag:thread are too many"),
        ):
            with pytest.raises(QueryError, match=problem):
                database.query("range_launches", by=by)
        with pytest.raises(QueryError, match="by must be thread or process, not 'tag:run'"):
            database.query("step_summary", by="tag:run")


@pytest.mark.parametrize(
    "question",
    [
        "busy",
        "communication_overlap",
        "cuda_gpu_time_util_map",
        "gpu_gaps",
        "gpu_time_util",
        "stream_concurrency",
    ],
)
def test_a_gpu_is_looked_at_by_itself_or_by_process_and_by_no_other_word(question: str) -> None:
    with Recording().work(kernel("k", 0, 1), kernel("k", 10, 12)).database() as database:
        assert database.query(question, by="process").height
        with pytest.raises(QueryError, match="by must be gpu or process, not 'card'"):
            database.query(question, by="card")
