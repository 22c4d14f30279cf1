"""Calls of libraries: what NVIDIA's reports print of them, of tables made by hand and of real recordings."""

from __future__ import annotations

import csv
import lzma
from typing import TYPE_CHECKING

import pytest
from made.nsys import Recording
from shipped import EXPECTED, REPORTS

import traceql
from traceql.ask import nsys_stats
from traceql.read import nsys_export, nsys_rep
from traceql.read.base import no_progress
from traceql.tables import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

B = 300_000_000
LOOP = "/src/loop.c"


def made() -> Recording:
    """Of an export with these rows nsys 2025.3.1 printed what is in expected/nsys_stats_made."""
    return (
        Recording()
        .rank(0, pid=500)
        .rank(1, pid=501)
        .mpi("MPI_Send", B + 100, B + 150, of="p2p", tag=7, peer=1, size=800, pid=500, tid=500)
        .mpi("MPI_Recv", B + 120, B + 190, of="p2p", tag=7, peer=0, size=800, pid=501, tid=501)
        .mpi("MPI_Sendrecv", B + 300, B + 340, of="p2p", tag=1, peer=1, size=40, pid=500, tid=500)
        .mpi("MPI_Sendrecv", B + 300, B + 340, of="p2p", tag=2, peer=1, size=60, pid=500, tid=500)
        .mpi("MPI_Isend", B + 400, B + 410, of="p2p", tag=3, peer=1, size=None, request=99, pid=500, tid=500)
        .mpi("MPI_Irecv", B + 420, None, of="p2p", tag=3, peer=-1, size=16, request=98, pid=500, tid=500)
        .mpi("MPI_Barrier", B + 500, B + 700, of="collectives", pid=500, tid=500)
        .mpi("MPI_Barrier", B + 520, B + 700, of="collectives", pid=501, tid=501)
        .mpi(
            "MPI_Bcast", B + 710, B + 760, of="collectives", root=0, size=800, received=400, pid=500, tid=500
        )
        .mpi("MPI_Bcast", B + 710, B + 790, of="collectives", root=0, received=400, pid=501, tid=501)
        .mpi("MPI_Allreduce", B + 800, B + 860, of="collectives", size=160, received=160, pid=500, tid=500)
        .mpi("MPI_Waitall", B + 430, B + 470, of="start_wait", request=99, pid=500, tid=500)
        .mpi("MPI_Waitall", B + 430, B + 470, of="start_wait", request=98, pid=500, tid=500)
        .mpi("MPI_Wait", B + 480, B + 485, of="start_wait", request=77, pid=501, tid=501)
        .mpi("MPI_Init", B + 10, B + 90, pid=500, tid=500)
        .mpi("MPI_Init", B + 12, B + 90, pid=501, tid=501)
        .openacc("Enqueue Launch", B + 10, B + 30, kind="Enqueue launch", line=20, kernel="loop_20_gpu")
        .openacc("Enqueue Launch", B + 40, B + 70, kind="Enqueue launch", line=20, kernel="loop_20_gpu")
        .openacc("Enqueue Launch", B + 40, B + 71, kind="Enqueue launch", line=44, kernel="loop_44_gpu")
        .openacc("Enqueue Upload", B + 1, B + 9, kind="Enqueue upload", line=18, variable="a", size=4096)
        .openacc("Wait", B + 80, B + 99, kind="Wait", line=30)
        .openacc("Wait", B + 90, B + 99, kind="Wait", line=30, device=2, tid=2)
    )


@pytest.mark.parametrize("report", ["mpi_event_sum", "mpi_event_trace", "mpi_msg_size_sum", "openacc_sum"])
def test_what_nsys_stats_prints_of_made_tables_is_printed(report: str) -> None:
    with (EXPECTED / "nsys_stats_made" / f"{report}.csv").open(encoding="utf-8") as file:
        head, *theirs = list(csv.reader(file))
    with made().database() as database:
        ask = database._asker
        table, _ = nsys_stats.asked(ask, ask.catalog.find(report), {})
    assert table.column_names == head
    # Files come without their folders.
    theirs = [[cell.replace(LOOP, "loop.c") for cell in row] for row in theirs]
    ours = [["" if cell is None else str(cell) for cell in row.values()] for row in table.to_pylist()]
    assert sorted(ours) == sorted(theirs)


def test_what_openacc_and_openmp_tell_is_in_words() -> None:
    told = (
        Recording()
        .openacc("Upload", 0, 5, kind="Enqueue upload", line=18, variable="a", size=4096)
        .openacc("Wait", 10, 15, kind="Wait", line=30, device=2)
        .openmp("Task", 20, 30, of="task", parallelId=2, taskId=7, kind=4 | 268435456)
        .openmp("Barrier", 40, 50, of="sync_region_wait", parallelId=2, taskId=7, kind=3)
        .openmp("Loop", 60, 70, of="workshare", kind=1, parallelId=2, taskId=7, count=1000)
        .openmp(None, 80, 80, of="task_create", parentTaskId=7, newTaskId=8)
        .openmp("Odd", 90, 95, of="workshare", kind=99, parallelId=2, taskId=7, count=1)
    )
    with told.database() as database:
        rows = database.sql(
            """
            SELECT library, call_class, directive_kind, source_file, source_line, data_variable, data_bytes,
                   device_type, stream_id, task_id, parent_task_id, iterations
            FROM library_calls JOIN directives USING (trace_id, library_call_id) ORDER BY start_ns
            """
        ).rows()
    n = None
    assert rows == [
        ("OpenACC", "data", "Enqueue upload", "loop.c", 18, "a", 4096, "NVIDIA", 7, n, n, n),
        # CUDA's numbers mean nothing there.
        ("OpenACC", "other", "Wait", "loop.c", 30, n, n, "Host", n, n, n, n),
        ("OpenMP", "task", "Explicit, Untied", n, n, n, n, n, n, 7, n, n),
        ("OpenMP", "sync_region_wait", "Explicit barrier", n, n, n, n, n, n, 7, n, n),
        ("OpenMP", "workshare", "Loop region", n, n, n, n, n, n, 7, n, 1000),
        ("OpenMP", "task_create", n, n, n, n, n, n, n, 8, 7, n),
        ("OpenMP", "workshare", "Unknown (99)", n, n, n, n, n, n, 7, n, 1),
    ]


def test_what_a_runtime_does_not_tell_of_a_directive_is_unknown(tmp_path: Path) -> None:
    # GCC's tells no lines, and no bytes of what is freed.
    with traceql.open(tmp_path / "db") as database:
        database.ingest(REPORTS / "openacc_add.nsys-rep.xz")
        rows = database.sql(
            """
            SELECT directive_kind, count(*) AS n, count(source_line) AS lines, count(data_bytes) AS of_bytes,
                   count(data_variable) AS variables, count(DISTINCT kernel) AS kernels, any_value(device_type)
            FROM directives GROUP BY ALL ORDER BY ALL
            """
        ).rows()
    assert rows == [
        ("Alloc", 12, 0, 12, 0, 0, "NVIDIA"),
        ("Compute construct", 6, 0, 0, 0, 0, "NVIDIA"),
        ("Enqueue launch", 6, 0, 0, 0, 2, "NVIDIA"),
        ("Enqueue upload", 6, 0, 6, 0, 0, "NVIDIA"),
        ("Enter data", 12, 0, 12, 0, 0, "NVIDIA"),
        ("Exit data", 12, 0, 12, 0, 0, "NVIDIA"),
        ("Free", 12, 0, 0, 0, 0, "NVIDIA"),
        ("Update", 3, 0, 0, 0, 0, "NVIDIA"),
    ]


def test_a_call_of_a_library_has_the_range_in_which_it_starts() -> None:
    told = Recording().range("step", 0, 50).mpi("MPI_Init", 10, 90).library("cuDNN", "cudnnCreate", 60, 70)
    with told.database() as database:
        rows = database.sql(
            "SELECT name, text FROM library_calls LEFT JOIN nvtx_ranges USING (range_id) ORDER BY name"
        ).rows()
    assert rows == [("MPI_Init", "step"), ("cudnnCreate", None)]


NAMES = ("library_calls", "library_messages", "directives", "profiler_overhead", "event_records", "syncs")


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        *("mpi_two_ranks", "openmp", "event_streams", "cuda_libraries", "memory_pools"),
        *("ucx_messages", "opengl_frames", "vulkan_compute", "system_calls", "nvjpeg_images", "openacc_add"),
    ],
)
def test_a_report_and_its_export_become_the_same_rows(name: str, tmp_path: Path) -> None:
    with traceql.open(tmp_path / "db") as database:
        database.ingest(REPORTS / f"{name}.nsys-rep.xz", name="report")
        database.ingest(REPORTS / f"{name}.sqlite.xz", name="export")
        for table in (*NAMES, "memory_events", "memory_pool_events", "processes", "generic_events"):
            report, export = (_rows(database, table, trace) for trace in ("report", "export"))
            assert report == export, table
        told = database.sql("SELECT DISTINCT library FROM calls_of_libraries ORDER BY library").rows()
    wanted = {
        "mpi_two_ranks": ["MPI"],
        "openmp": ["OpenMP"],
        "ucx_messages": ["UCX"],
        "cuda_libraries": ["CCCL", "cuBLAS", "cuSOLVER"],
        "openacc_add": ["OpenACC"],
    }
    assert [library for (library,) in told] == wanted.get(name, [])


@pytest.mark.parametrize(
    ("name", "event", "count"),
    [
        # 20 frames of two debug groups, each begun and ended, by the program's own call and as a group.
        ("opengl_frames", "source = 'OPENGL_API' AND name = 'glPushDebugGroup'", 40),
        ("opengl_frames", "source = 'KHR_DEBUG_EVENTS' AND name = 'triangle'", 40),
        ("vulkan_compute", "source = 'VULKAN_API' AND name = 'vkCmdBindPipeline'", 20),
        ("vulkan_compute", "source = 'VULKAN_DEBUG_API' AND attributes ->> 'text' = 'double_it'", 20),
        # One pipeline of one stage, which took less than the call that created it.
        (
            "vulkan_compute",
            "name = 'vkCreateComputePipelines' AND attributes ->> '$.pipelines[0].duration' = '6051611' "
            "AND attributes ->> '$.pipelines[0].stages[0].duration' = '5596178' AND duration_ns > 6051611",
            1,
        ),
        # Of each rank the world, and one of itself alone that was split off it.
        ("mpi_two_ranks", "source = 'MPI_COMMUNICATORS' AND attributes ->> 'size' = '2'", 2),
        ("mpi_two_ranks", "attributes ->> 'parentHandle' <> '0' AND attributes ->> 'size' = '1'", 2),
        # Of its thread and its time a report and its export do not tell the same.
        (
            "ucx_messages",
            "source = 'UCP_WORKERS' AND start_ns IS NULL AND tid IS NULL AND pid = 799 "
            "AND attributes ->> 'workerUid' = '-7074873146361113948'",
            1,
        ),
        # With what stands around the calls of a library: when its tracing began, and ended in two threads.
        ("nvjpeg_images", "source = 'NVVIDEO_JPEG_API'", 115),
        ("nvjpeg_images", "name = 'nvjpegEncodeImage' AND duration_ns > 0", 12),
        ("nvjpeg_images", "source LIKE 'NVVIDEO_%CODER_API' AND attributes ->> 'apiId' = '0'", 6),
        # What the program did as it loaded: its own start.
        ("system_calls", "source = 'SYSCALL' AND name = 'execve'", 1),
    ],
)
def test_what_a_program_asked_of_other_apis_is_read(
    name: str, event: str, count: int, tmp_path: Path
) -> None:
    with traceql.open(tmp_path / "db") as database:
        database.ingest(REPORTS / f"{name}.nsys-rep.xz")
        found = database.sql(f"SELECT count(*) FROM generic_events WHERE {event}").rows()
    assert found == [(count,)]


def test_a_system_call_has_the_stack_around_it(tmp_path: Path) -> None:
    with traceql.open(tmp_path / "db") as database:
        database.ingest(REPORTS / "system_calls.nsys-rep.xz")
        found = database.sql("""
            SELECT name, count(*), count(stack_id), max(frames)
            FROM generic_events
            LEFT JOIN (SELECT stack_id, count(*) AS frames FROM call_stacks GROUP BY stack_id) AS stacks
                ON stack_id & 4294967295 = (attributes ->> 'stack')::BIGINT
            WHERE source = 'SYSCALL' AND name IN ('execve', 'openat', 'poll')
            GROUP BY name ORDER BY name
        """).rows()
    # As the export has them, where chain 0 is none.
    assert found == [("execve", 1, 1, 1), ("openat", 153, 0, None), ("poll", 33, 23, 6)]


def _rows(database: Database, table: str, trace: str) -> list[tuple[object, ...]]:
    """Of a trace, with ids as numbers within it."""
    columns = [row[0] for row in database.sql(f"SELECT column_name FROM (DESCRIBE {table})").rows()]
    own = {"api_call_id", "range_id"} | {
        column for column in columns if column.endswith(("_call_id", "_event_id"))
    }
    own |= {"event_record_id", "sync_id", "profiler_overhead_id"}
    within = "& 4294967295"
    own_ids = {column: f"{column} {within}" for column in own}
    chosen = ", ".join(own_ids.get(column, column) for column in columns if column != "trace_id")
    return sorted(
        database.sql(
            f"SELECT {chosen} FROM {table} WHERE trace_id = (SELECT trace_id FROM traces WHERE trace = '{trace}')"
        ).rows(),
        key=repr,
    )


@pytest.mark.long
def test_calls_of_mpi_are_no_ranges(tmp_path: Path) -> None:
    """In a report they are ranges of a domain of NVTX, in its export they have tables of their own."""
    path = tmp_path / "mpi.nsys-rep"
    path.write_bytes(lzma.decompress((REPORTS / "mpi_two_ranks.nsys-rep.xz").read_bytes()))
    report = nsys_rep.read(path, wanted=None, progress=no_progress)
    kinds = report.tables["NVTX_EVENTS"].select(["eventType"]).to_pydict()["eventType"]
    # The domain's name, and those of the threads that are ranks.
    assert sorted(kinds) == [39, 39, 75, 75]
    only_nvtx = nsys_rep.read(path, wanted={"NVTX_EVENTS": ("eventType",)}, progress=no_progress)
    assert only_nvtx.tables["NVTX_EVENTS"].num_rows == 4
    assert set(only_nvtx.tables) == {"NVTX_EVENTS"}


def test_an_export_of_every_table_of_libraries_is_read(tmp_path: Path) -> None:
    told = made().openmp("Parallel Region", 0, 9, of="parallel", parallelId=1, parentTaskId=0)
    told.ucx("ucp_put", 1, 2).library("cuBLAS", "cublasCreate_v2", 3, 4)
    export = told.export(tmp_path / "made.sqlite")
    report = nsys_export.read(export, wanted=normalise.wanted("nsys"), progress=no_progress)
    # Nothing of them is told not to be read.
    assert report.unread == []
    with traceql.open(tmp_path / "db") as database:
        database.ingest(export)
        rows = database.sql("SELECT library, count(*) FROM library_calls GROUP BY ALL ORDER BY ALL").rows()
    assert rows == [("MPI", 14), ("OpenACC", 6), ("OpenMP", 1), ("UCX", 1), ("cuBLAS", 1)]
