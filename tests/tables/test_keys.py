"""Processes, threads, calls and GPUs are told apart, whatever numbers they share; no row is lost or doubled."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from made.nsys import Recording, copy, graph, kernel, memset, sync
from made.store import store

import traceql
from traceql.errors import ReportError
from traceql.read.base import RawReport
from traceql.tables import normalise, schema

if TYPE_CHECKING:
    from traceql import Database

LAUNCH = "cudaLaunchKernel_v7000"


def inside(machine: int, pid: int) -> int:
    """A process as NVIDIA numbers it: its pid in a virtual machine or container."""
    return machine << 24 | pid


def rows(database: Database, sql: str) -> list[tuple[object, ...]]:
    return database.sql(sql).rows()


# --- processes ------------------------------------------------------------------------------------------


def test_containers_with_equal_pids_have_processes_and_calls_of_their_own() -> None:
    one, two = inside(1, 100), inside(2, 100)
    database = (
        Recording()
        .process(one, "/usr/bin/server")
        .process(two, "/usr/bin/client")
        .thread(7, "serving", pid=one)
        .thread(7, "asking", pid=two)
        .range("mine", 0, 50, pid=one, tid=7, domain="lib", category="io")
        .range("yours", 0, 50, pid=two, tid=7, domain="other", category="net")
        .call(LAUNCH, 10, 12, kernel("attn", 20, 27), pid=one, tid=7)
        # The same correlation id in the other container.
        .call("cudaLaunchKernelExC_v11060", 11, 13, kernel("gemm", 30, 31), pid=two, tid=7, nested=True)
        .database()
    )
    found = rows(
        database,
        "SELECT kernels.name, kernels.pid, api_calls.name, nvtx_ranges.text, domain, category, processes.process, threads.thread "
        "FROM kernels JOIN api_calls USING (api_call_id) "
        "JOIN nvtx_ranges ON nvtx_ranges.range_id = kernels.range_id "
        "JOIN processes ON processes.process_id = kernels.process_id "
        "JOIN threads ON threads.process_id = kernels.process_id ORDER BY kernel_id",
    )
    assert found == [
        ("attn", 100, "cudaLaunchKernel", "mine", "lib", "io", "server", "serving"),
        ("gemm", 100, "cudaLaunchKernelExC", "yours", "other", "net", "client", "asking"),
    ]
    # In every table, the number of a process is the one that its calls and ranges have.
    assert rows(
        database, "SELECT count(*), count(DISTINCT process_id), count(DISTINCT pid) FROM processes"
    ) == [(2, 2, 1)]
    assert len(database.query("rank_summary")) == 2


def test_a_runtime_and_a_driver_call_of_one_id_launched_one_kernel() -> None:
    recording = Recording()
    for pid, name, end in ((100, "gemm", 2), (101, "attn", 8)):
        recording.call(LAUNCH, 0, 3, pid=pid, nested=pid == 101)
        recording.call("cuLaunchKernel", 1, 2, kernel(name, 1, end), pid=pid, layer="driver", nested=True)
    database = recording.database()
    assert rows(database, "SELECT count(*), count(DISTINCT kernel_id) FROM kernels") == [(2, 2)]
    top = database.query("top_kernels").select("kernel", "instances", "total_ns").rows()
    assert top == [("attn", 1, 7), ("gemm", 1, 1)]
    assert rows(
        database, "SELECT DISTINCT api_calls.name FROM kernels JOIN api_calls USING (api_call_id)"
    ) == [("cudaLaunchKernel",)]


# --- rows -----------------------------------------------------------------------------------------------

EVERYTHING = (
    Recording()
    .gpu(0, "H100", cuda=0)
    .process(1, "/bin/app")
    .thread(1, "main")
    .range("step", 0, 100, domain="lib", category="c")
    .call(LAUNCH, 1, 2, kernel("k", 3, 4))
    .call("cudaMemcpyAsync_v3020", 3, 4, copy("Host-to-Device", 5, 6, 8), memset(7, 8, 9))
    .call("cudaGraphLaunch_v10000", 5, 6, graph(9, 10))
    .call("cudaStreamSynchronize_v3020", 7, 8, sync("Stream sync", 7, 8))
    .graph_node(3, 1)
    .os_call("poll", 1, 2)
    .cpu_fault(1, 4096, "main")
    .gpu_fault(1, 2, 4096)
    .sample("SMs Active [Throughput %]", 5, 50)
    .diagnostic("hello")
    .allocated(5, 8, 4096)
    .report()
)


def appended(report: RawReport) -> RawReport:
    """The report as an export is that was appended to itself."""
    return RawReport("nsys", {name: pa.concat_tables([t, t]) for name, t in report.tables.items()})


def counts(report: RawReport) -> dict[str, int]:
    with traceql.open(":memory:") as database:
        store(database, report, "made")
        return {
            name: database.sql(f"SELECT count(*) FROM {name}").item()
            for name in ("kernels", "api_calls", "memory_ops", "graph_launches", "syncs", "graph_nodes", "os_calls",
                         "memory_events", "um_cpu_page_faults", "um_gpu_page_faults", "gpu_samples", "diagnostics", "nvtx_ranges",
                         "gpus", "processes", "threads")
        }  # fmt: skip


# Things, and not events: what is named twice is one.
ONCE = {"gpus", "processes", "threads", "graph_nodes"}


@pytest.mark.long
def test_an_export_that_was_appended_to_itself_has_the_rows_that_are_in_it() -> None:
    once, twice = counts(EVERYTHING), counts(appended(EVERYTHING))
    # What there is once, is there once.
    assert {name for name in once if twice[name] == once[name]} == ONCE
    assert all(twice[name] == 2 * once[name] for name in once.keys() - ONCE)
    with traceql.open(":memory:") as database:
        store(database, appended(EVERYTHING), "made")
        assert rows(database, "SELECT DISTINCT name, demangled FROM kernels") == [("k", "k")]
        told = rows(database, "SELECT table_name, events FROM doubts WHERE fault = 'repeated' ORDER BY ALL")
        assert told == [("graph_launches", 1), ("kernels", 1), ("memory_ops", 2)]


def test_two_reports_in_one_export_are_refused_as_their_names_are_mixed_up() -> None:
    other = Recording().call("cudaFree_v3020", 1, 2, kernel("another", 3, 4)).report()
    both = RawReport(
        "nsys",
        {
            name: pa.concat_tables([EVERYTHING.tables[name], other.tables[name]], promote_options="default")
            for name in other.tables
        },
    )
    with traceql.open(":memory:") as database, pytest.raises(ReportError, match="two texts for the id"):
        store(database, both, "made")


@pytest.mark.parametrize(
    ("table", "sql"),
    [
        ("kernels", "INSERT INTO kernels BY NAME FROM kernels"),
        ("memory_ops", "DELETE FROM memory_ops WHERE kind = 'memset'"),
    ],
)
def test_a_step_that_doubles_or_loses_rows_is_named(
    monkeypatch: pytest.MonkeyPatch, table: str, sql: str
) -> None:
    steps = tuple(
        dataclasses.replace(step, sql=f"{step.sql};\n{sql}") if table in step.fills else step
        for step in normalise.steps("nsys")
    )
    monkeypatch.setattr(normalise, "steps", lambda _kind: steps)
    with traceql.open(":memory:") as database:
        with pytest.raises(ReportError, match=rf"(1|2) {table} \(normalise/nsys/{table}.sql\)"):
            store(database, EVERYTHING, "made")
        assert database.sql("SELECT count(*) FROM traces").item() == 0


def test_every_table_of_events_declares_what_its_rows_come_from() -> None:
    made_of_others = {
        "nvtx_ranges",
        "range_ancestors",
        "range_calls",
        "graph_nodes",
        "threads",
        "processes",
        "gpus",
        "streams",
        "contexts",
        "kernel_clusters",
        "doubts",
        "call_stacks",
    }
    for kind in ("nsys", "ncu"):
        for step in normalise.steps(kind):
            assert set(step.fills) - {source.table for source in step.sources} <= made_of_others, step.label


# --- the clock ------------------------------------------------------------------------------------------

CLOCK = 7_153_691_317_139_591


def kinds_of_events(origin: int) -> dict[str, Recording]:
    """One recording for each kind of event, of which one happened 5 ns after the origin."""
    at = origin + 5
    return {
        "kernels": Recording().work(kernel("k", at, at + 1)),
        "api_calls": Recording().call(LAUNCH, at, at + 1),
        "memory_ops": Recording().work(copy("Host-to-Device", at, at + 1, 8)),
        "syncs": Recording().work(sync("Stream sync", at, at + 1)),
        "graph_launches": Recording().work(graph(at, at + 1)),
        "graph_nodes": Recording().graph_node(1, at),
        "nvtx_ranges": Recording().range("r", at, at + 1),
        "os_calls": Recording().os_call("poll", at, at + 1),
        "um_cpu_page_faults": Recording().cpu_fault(at, 4096, "main"),
        "um_gpu_page_faults": Recording().gpu_fault(at, at + 1, 4096),
        "memory_events": Recording().allocated(at, 8, 4096),
        "gpu_samples": Recording().sample("SMs Active [Throughput %]", at, 50),
        "diagnostics": Recording().diagnostic("hello", at=at),
    }


@pytest.mark.parametrize("origin", [0, CLOCK], ids=["relative", "on the target's clock"])
@pytest.mark.parametrize("table", kinds_of_events(0))
def test_any_kind_of_event_tells_what_its_times_count_from(table: str, origin: int) -> None:
    recording = kinds_of_events(origin)[table].session(clock_ns=CLOCK).duration(2_352_243_351)
    column = {"graph_nodes": "created_ns"}.get(table, "time_ns")
    columns = {c.name for c in schema.BY_NAME[table].columns}
    column = "start_ns" if "start_ns" in columns else column
    assert rows(recording.database(), f"SELECT {column} FROM {table}") == [(5,)]


def test_os_calls_alone_stay_where_they_are_when_they_count_from_the_start() -> None:
    database = (
        Recording()
        .os_call("pthread_cond_wait", 933_878_145, 934_576_307)
        .session(clock_ns=CLOCK)
        .duration(2_352_243_351)
        .database()
    )
    assert rows(database, "SELECT start_ns, end_ns FROM os_calls") == [(933_878_145, 934_576_307)]


def test_a_range_from_before_the_recording_does_not_make_the_clock_relative() -> None:
    database = (
        Recording()
        .range("early", CLOCK - 10_000_000_000, CLOCK + 50)
        .call(LAUNCH, CLOCK + 5, CLOCK + 6)
        .session(clock_ns=CLOCK)
        .duration(1000)
        .database()
    )
    assert rows(database, "SELECT start_ns FROM api_calls") == [(5,)]
    assert rows(database, "SELECT start_ns FROM nvtx_ranges") == [(-10_000_000_000,)]


def test_on_a_machine_that_was_just_started_most_events_decide() -> None:
    # Ten seconds after its start, for a minute: what is later than the recording is long is on the clock.
    recording = Recording().session(clock_ns=10_000_000_000).duration(60_000_000_000)
    late = recording.os_call("poll", 30_000_000_000, 30_000_000_001).os_call(
        "poll", 65_000_000_000, 65_000_000_001
    )
    assert rows(late.database(), "SELECT min(start_ns) FROM os_calls") == [(20_000_000_000,)]
    early = late.os_call("read", 1_000_000_000, 1_000_000_001).os_call("read", 2_000_000_000, 2_000_000_001)
    assert rows(early.database(), "SELECT min(start_ns), max(start_ns) FROM os_calls") == [
        (1_000_000_000, 65_000_000_000)
    ]


def test_one_report_does_not_leave_its_clock_to_the_next() -> None:
    with traceql.open(":memory:") as database:
        Recording().os_call("poll", CLOCK + 5, CLOCK + 6).session(clock_ns=CLOCK).store(database, "clock")
        Recording().os_call("poll", 7, 8).store(database, "none")
        assert rows(database, "SELECT start_ns FROM os_calls ORDER BY trace_id") == [(5,), (7,)]


# --- GPUs -----------------------------------------------------------------------------------------------


def gpus_of(database: Database) -> list[tuple[object, ...]]:
    return database.query("rank_summary").select("pid", "device_id", "gpu", "finding").rows()


def test_before_there_was_a_table_of_devices_the_ordinal_stands_with_the_gpu() -> None:
    # The GPUs in the order of the machine are not in that of CUDA; an adapter of another make has an ordinal, too.
    database = (
        Recording()
        .gpu(0, "NVIDIA H200", cuDevice=1, computeMajor=9, computeMinor=0)
        .gpu(1, "NVIDIA A100", cuDevice=0, computeMajor=8, computeMinor=0)
        .gpu(2, "Basic Render Driver", cuDevice=0, computeMajor=0, computeMinor=0)
        .work(kernel("k", 0, 1))
        .database()
    )
    assert rows(database, "SELECT gpu_id, device_id FROM gpus ORDER BY gpu_id") == [(0, 1), (1, 0), (2, None)]
    assert rows(database, "SELECT gpu_id, device_id FROM kernels") == [(1, 0)]
    assert gpus_of(database) == [(1, 0, "NVIDIA A100", None), (None, 1, "NVIDIA H200", "unused GPU")]
    assert database.query("cuda_gpu_trace")["gpu"].to_list() == ["NVIDIA A100"]
    assert rows(database, "SELECT gpu FROM traces") == [("NVIDIA A100, NVIDIA H200",)]


def test_an_ordinal_is_a_gpu_of_its_own_for_each_process_that_sees_others() -> None:
    database = (
        Recording()
        .gpu(0, "H100", cuda=0, pid=1)
        .gpu(1, "H200", cuda=0, pid=2)
        .work(kernel("k", 0, 10))
        .work(kernel("k", 5, 20), pid=2)
        .database()
    )
    assert gpus_of(database) == [(1, 0, "H100", None), (2, 0, "H200", None)]
    concurrency = database.query("stream_concurrency").select(
        "pid", "gpu_id", "device_id", "streams", "time_ns"
    )
    assert concurrency.rows() == [(1, 0, 0, 1, 10), (2, 1, 0, 1, 15)]


def test_a_gpu_that_processes_number_otherwise_is_one_gpu() -> None:
    database = (
        Recording()
        .gpu(0, "H100", cuda=0, pid=1)
        .gpu(0, "H100", cuda=1, pid=2)
        .work(kernel("k", 0, 10))
        .work(kernel("k", 5, 20, device=1), pid=2)
        .database()
    )
    assert rows(database, "SELECT gpu_id, device_id, gpu_name FROM gpus") == [(0, None, "H100")]
    assert gpus_of(database) == [(1, 0, "H100", None), (2, 1, "H100", None)]
    assert database.query("stream_concurrency").select("pid", "gpu_id", "streams", "time_ns").rows() == [
        (None, 0, 1, 15),
        (None, 0, 2, 5),
    ]
