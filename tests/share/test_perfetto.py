"""What Perfetto is told equals what the tables hold: read back with the messages of the package ``perfetto``."""

from __future__ import annotations

import gzip
import io
import itertools
from collections import Counter
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest
from command_line import traceql
from hypothesis import given, settings
from hypothesis import strategies as st
from made.nsys import TWIN, Recording, copy, graph, kernel, memset
from perfetto_file import Parsed, parse
from shipped import REPORTS

import traceql as package
from traceql import MissingDataError, QueryError
from traceql.read import protobuf, protobuf_rows
from traceql.share import perfetto
from traceql.share.perfetto import stretches
from traceql.share.perfetto.lanes import Lanes

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

UTC = 1_800_000_000_000_000_000

# What stands on each track, as the tables have it: path, events, their time.
EXPECTED = """
WITH gpu_named AS (SELECT trace_id, gpu_id, 'GPU ' || gpu_id || ' ' || gpu_name AS path FROM gpus),
cpu AS (
    SELECT trace_id, process_id, tid, 'CUDA API' AS track, start_ns, end_ns FROM api_calls
    UNION ALL SELECT trace_id, process_id, tid, 'OS runtime', start_ns, end_ns FROM os_calls
    UNION ALL SELECT syncs.trace_id, syncs.process_id, tid, 'CUDA synchronisation', syncs.start_ns, syncs.end_ns
    FROM syncs LEFT JOIN api_calls USING (api_call_id)
    UNION ALL SELECT trace_id, process_id, tid,
        'NVTX' || CASE WHEN domain = '' THEN '' ELSE ' ' || domain END || CASE WHEN style = 'startend' THEN ' start/end' ELSE '' END,
        start_ns, coalesce(end_ns, trace_duration_ns) FROM nvtx_ranges JOIN traces USING (trace_id) WHERE style <> 'mark'
),
gpu AS (
    SELECT trace_id, gpu_id, stream_id, start_ns, end_ns FROM kernels WHERE start_ns IS NOT NULL
    UNION ALL SELECT trace_id, gpu_id, stream_id, start_ns, end_ns FROM memory_ops
    UNION ALL SELECT trace_id, gpu_id, stream_id, start_ns, end_ns FROM graph_launches
),
paths AS (
    SELECT cpu.trace_id, process || coalesce('|' || coalesce(thread, 'thread ' || cpu.tid) || ' ' || cpu.tid, '') || '|' || track AS path,
        start_ns, end_ns
    FROM cpu
    JOIN processes USING (trace_id, process_id)
    LEFT JOIN threads ON threads.trace_id = cpu.trace_id AND threads.process_id = cpu.process_id AND threads.tid = cpu.tid
    UNION ALL
    SELECT trace_id, path || '|' || coalesce('stream ' || stream_id, 'no stream'), start_ns, end_ns FROM gpu JOIN gpu_named USING (trace_id, gpu_id)
)
SELECT path, count(*) AS events, sum(greatest(0, coalesce(end_ns, start_ns) - start_ns))::BIGINT AS total_ns
FROM paths JOIN traces USING (trace_id) WHERE trace = $trace GROUP BY path
"""


def written(db: Database, *traces: str, **where: object) -> tuple[perfetto.Written, Parsed]:
    file = io.BytesIO()
    done = perfetto.write(db._asker, traces, file, **where)
    return done, parse(file.getvalue())


@pytest.mark.parametrize(
    "trace",
    [
        "llama_graph",
        "nccl_rank0",
        pytest.param("gpu_metrics", marks=pytest.mark.long),
        "memory_and_ranges",
        "graph_whole",
        pytest.param("llama_eager", marks=pytest.mark.long),
    ],
)
def test_every_slice_arrow_and_value_of_a_report_is_there(corpus: Database, trace: str) -> None:
    name = f"{trace}.sqlite.xz"
    done, parsed = written(corpus, name)
    own = {
        path: found for path, found in parsed.sums().items() if "NVTX" not in path[-1] or "GPU" not in path[0]
    }
    expected = corpus.sql(EXPECTED, {"trace": name}).rows()
    assert {"|".join(path): found for path, found in own.items()} == {
        path: (n, total) for path, n, total in expected
    }

    work = " UNION ALL ".join(
        f"SELECT trace_id, api_call_id, start_ns, {key} AS id FROM {table}"
        for table, key in (
            ("kernels", "kernel_id"),
            ("memory_ops", "memory_op_id"),
            ("graph_launches", "graph_launch_id"),
        )
    )
    launched = corpus.sql(
        f"SELECT api_calls.start_ns + start_utc_ns AS called, work.start_ns + start_utc_ns AS began FROM ({work}) AS work "
        "JOIN api_calls USING (api_call_id) JOIN traces ON traces.trace_id = work.trace_id "
        "WHERE trace = $trace AND work.start_ns >= api_calls.start_ns ORDER BY ALL",
        {"trace": name},
    ).rows()
    assert launched
    assert sorted((a.start_ns, b.start_ns) for a, b in parsed.flows()) == launched
    assert done.flows == len(launched)

    samples = corpus.sql(
        "SELECT metric, count(*), sum(value) FROM gpu_samples JOIN traces USING (trace_id) WHERE trace = $trace GROUP BY metric",
        {"trace": name},
    ).rows()
    sampled = {path[-1]: values for path, values in parsed.values.items()}
    assert {
        metric: (len(sampled[metric]), sum(v for _, v in sampled[metric])) for metric, _, _ in samples
    } == {metric: (n, total) for metric, n, total in samples}
    assert done.slices == len(parsed.slices)
    assert done.instants == len(parsed.instants)
    assert done.values == sum(map(len, parsed.values.values()))
    assert done.tracks == len(parsed.tracks)


@pytest.mark.long
@pytest.mark.parametrize("trace", ["llama_graph", "nccl_rank0", "memory_and_ranges"])
def test_ranges_on_the_gpu_reach_as_far_as_the_tables_say(corpus: Database, trace: str) -> None:
    name = f"{trace}.sqlite.xz"
    _, parsed = written(corpus, name)
    expected = corpus.sql(
        "SELECT path, gpu_start_ns + start_utc_ns, gpu_end_ns + start_utc_ns FROM nvtx_ranges "
        "JOIN traces USING (trace_id) WHERE trace = $trace AND gpu_operations > 0 ORDER BY ALL",
        {"trace": name},
    ).rows()
    on_gpu = [one for one in parsed.slices if one.category == "nvtx on gpu"]
    # Of each range there is one in every stream with its work: the first begins it, the last ends it.
    assert {(one.arguments["range_path"], one.start_ns) for one in on_gpu} >= {
        (path, start) for path, start, _ in expected
    }
    assert {(one.arguments["range_path"], one.end_ns) for one in on_gpu} >= {
        (path, end) for path, _, end in expected
    }
    assert {one.arguments["range_path"] for one in on_gpu} == {path for path, _, _ in expected}


@pytest.mark.long
def test_a_recording_made_by_hand_is_written_as_a_reader_expects_it() -> None:
    made = (
        Recording()
        .session(utc_ns=UTC)
        .duration(400)
        .process(1, "python")
        .thread(1, "main")
        .gpu(0, "NVIDIA H100")
        .range("step", 0, 100)
        .range("inner", 10, 100)
        .range("open", 300, None)
        .mark("here", 50)
        # Two that overlap on one stream, the second of no time at the end of the first.
        .call("cudaLaunchKernel", 10, 20, kernel("add", 30, 60, grid=(2, 3, 4)), kernel("mul", 40, 80))
        .call("cudaMemcpyAsync", 21, 25, copy("Host-to-Device", 80, 90, 100))
        .call("cudaMemsetAsync", 26, 30, memset(90, 90, 8, value=7))
        .database("made")
    )
    done, parsed = written(made, "made")
    found = sorted((one.path, one.name, one.start_ns - UTC, one.end_ns - UTC) for one in parsed.slices)
    cpu, gpu = ("python", "main 1"), ("GPU 0 NVIDIA H100", "stream 7")
    assert found == sorted(
        [
            ((*cpu, "NVTX"), "step", 0, 100),
            ((*cpu, "NVTX"), "inner", 10, 100),
            ((*cpu, "NVTX"), "open", 300, 400),
            ((*cpu, "CUDA API"), "cudaLaunchKernel", 10, 20),
            ((*cpu, "CUDA API"), "cudaMemcpyAsync", 21, 25),
            ((*cpu, "CUDA API"), "cudaMemsetAsync", 26, 30),
            (gpu, "add", 30, 60),
            (gpu, "mul", 40, 80),
            (gpu, "memcpy Host-to-Device", 80, 90),
            (gpu, "memset", 90, 90),
            ((*gpu, "NVTX"), "step", 30, 90),
            ((*gpu, "NVTX"), "inner", 30, 90),
        ]
    )
    assert [(one.path, one.name, one.start_ns - UTC) for one in parsed.instants] == [
        ((*cpu, "NVTX"), "here", 50)
    ]
    assert sorted((a.name, b.name) for a, b in parsed.flows()) == [
        ("cudaLaunchKernel", "add"),
        ("cudaLaunchKernel", "mul"),
        ("cudaMemcpyAsync", "memcpy Host-to-Device"),
        ("cudaMemsetAsync", "memset"),
    ]
    values = {path[-1]: [(at - UTC, value) for at, value in found] for path, found in parsed.values.items()}
    assert values == {
        "running kernels": [(30, 1), (40, 2), (60, 1), (80, 0)],
        "copy bandwidth Host-to-Device": [(80, 1e10), (90, 0)],
    }
    of = {one.name: one.arguments for one in parsed.slices if one.path == gpu}
    assert of["add"] == {
        "grid_x": 2, "grid_y": 3, "grid_z": 4, "block_x": 32, "block_y": 1, "block_z": 1, "registers_per_thread": 16,
        "static_shared_bytes": 0, "dynamic_shared_bytes": 0, "correlation": 1, "range_path": "step/inner",
    }  # fmt: skip
    assert of["memset"]["memset_value"] == 7
    # Of two that overlap each has a lane; both lanes are called alike.
    assert len({one.track for one in parsed.slices if one.path == gpu}) == 2
    assert (done.slices, done.instants, done.values, done.flows) == (12, 1, 6, 4)


@pytest.mark.long
def test_what_follows_from_a_window_is_written_alone() -> None:
    made = (
        Recording()
        .session(utc_ns=UTC)
        .range("step", 0, 30)
        .call("cudaLaunchKernel", 5, 10, kernel("add", 20, 50))
        .range("step", 100, 130)
        .call("cudaLaunchKernel", 105, 110, kernel("mul", 120, 150))
        .database("made")
    )
    whole = {"add", "mul", "cudaLaunchKernel", "step"}
    assert {one.name for one in written(made, "made")[1].slices} == whole
    assert {one.name for one in written(made, "made", **{"from": 100})[1].slices} == whole - {"add"}
    assert {one.name for one in written(made, "made", to=60)[1].slices} == whole - {"mul"}
    assert {one.name for one in written(made, "made", within="step#1")[1].slices} == whole - {"add"}


@pytest.mark.long
def test_the_place_of_a_window_is_known_and_what_lies_around_it_may_stay() -> None:
    made = (
        Recording()
        .session(utc_ns=UTC)
        .duration(400)
        .range("step", 0, 30)
        .call("cudaLaunchKernel", 5, 10, kernel("add", 20, 50))
        .range("step", 100, 130)
        .call("cudaLaunchKernel", 105, 110, kernel("mul", 120, 150))
        .database("made")
    )

    def place(**where: object) -> tuple[int, int] | None:
        done, parsed = written(made, "made", only=False, **where)
        assert {one.name for one in parsed.slices} == {"add", "mul", "cudaLaunchKernel", "step"}
        assert written(made, "made", **where)[0].place == done.place
        return None if done.place is None else (done.place[0] - UTC, done.place[1] - UTC)

    assert place() is None
    assert place(**{"from": 60, "to": 200}) == (60, 200)
    assert place(**{"from": 60}) == (60, 400)
    assert place(to=60) == (0, 60)
    # A range with the work that it launched.
    assert place(within="step#1") == (100, 150)
    assert place(within="step") == (0, 150)
    assert place(within="step", **{"from": 60, "to": 140}) == (60, 140)
    # Nothing was recorded there.
    assert place(**{"from": 1000}) is None
    done, _ = written(made, "made", only=False, **{"from": 1000})
    assert [note.text for note in done.notes] == [
        "The time lies outside of what was recorded: made lasts 400 ns."
    ]


@pytest.mark.long
def test_memory_in_use_is_a_counter_of_each_kind_and_within_a_window_begins_with_what_was() -> None:
    made = (
        Recording()
        .session(utc_ns=UTC)
        .duration(400)
        .range("step", 100, 200)
        .call("cudaLaunchKernel", 105, 110, kernel("add", 120, 150))
        .allocated(10, 1000, 0xA)
        .allocated(20, 500, 0xB, memory="Pinned")
        # At one moment released and allocated: what is left counts.
        .allocated(130, 1000, 0xA, released=True)
        .allocated(130, 300, 0xC)
        .allocated(300, 300, 0xC, released=True)
        .database("made")
    )

    def memory(**where: object) -> dict[str, list[tuple[int, float]]]:
        values = written(made, "made", **where)[1].values
        return {
            path[-1]: [(at - UTC, value) for at, value in found]
            for path, found in values.items()
            if path[-1].startswith("memory")
        }

    device, pinned = "memory in use, Device", "memory in use, Pinned"
    assert memory() == {device: [(10, 1000), (130, 300), (300, 0)], pinned: [(20, 500)]}
    assert memory(within="step") == {device: [(100, 1000), (130, 300)], pinned: [(100, 500)]}
    assert memory(**{"from": 50, "to": 120}) == {device: [(50, 1000)], pinned: [(50, 500)]}
    assert memory(to=15) == {device: [(10, 1000)]}
    assert memory(only=False, within="step") == memory()


def test_processes_of_one_pid_have_streams_and_memory_of_their_own() -> None:
    made = Recording().session(utc_ns=UTC).duration(400)
    for process, at in ((1, 10), (TWIN, 20)):
        made.process(process, "/usr/bin/app")
        made.call("cudaLaunchKernel", at, at + 1, kernel("add", 10 * at, 10 * at + 50), pid=process)
        made.allocated(at, 10 * at, 0xA, pid=process)
    parsed = written(made.database("made"), "made")[1]
    assert {path[-1]: [value for _, value in found] for path, found in parsed.values.items()} == {
        "running kernels": [1, 0, 1, 0],
        f"memory in use, Device, pid 1 ({1 << 24})": [100],
        f"memory in use, Device, pid 1 ({TWIN << 24})": [200],
    }
    # Perfetto's pages show tracks of one name below one track as one.
    assert {one.path[-1] for one in parsed.slices if one.name == "add"} == {
        f"stream 7, app 1 ({1 << 24})",
        f"stream 7, app 1 ({TWIN << 24})",
    }


@pytest.mark.long
@pytest.mark.parametrize("trace", ["memory_rank0", "memory_pools"])
def test_memory_in_use_reaches_as_high_as_the_question_says(trace: str) -> None:
    with package.open(":memory:") as db:
        db.ingest(REPORTS / f"{trace}.nsys-rep.xz", name=trace)
        values = written(db, trace)[1].values
        expected = {
            f"memory in use, {row['memory_kind']}": (row["peak_bytes"], row["end_bytes"])
            for row in db.query("memory_use", trace=trace).to_dicts()
            if row["memory_kind"] != "GPU memory"
        }
    assert expected
    assert {
        path[-1]: (max(value for _, value in found), found[-1][1])
        for path, found in values.items()
        if path[-1].startswith("memory")
    } == expected


@pytest.mark.long
def test_no_arrow_leads_back_in_time() -> None:
    made = (
        Recording()
        .session(utc_ns=UTC)
        .call("cudaLaunchKernel", 50, 60, kernel("early", 40, 70))
        .database("made")
    )
    done, parsed = written(made, "made")
    assert parsed.flows() == []
    assert done.flows == 0
    assert {one.name for one in parsed.slices} == {"cudaLaunchKernel", "early"}


@pytest.mark.long
def test_a_call_has_an_arrow_to_each_of_thousands_of_kernels() -> None:
    kernels = [kernel("node", 100 + 2 * n, 101 + 2 * n) for n in range(3000)]
    made = (
        Recording()
        .session(utc_ns=UTC)
        .call("cudaLaunchKernel", 1, 2, kernel("first", 3, 4))
        .call("cudaGraphLaunch", 5, 60, *kernels)
        .call("cudaGraphLaunch", 70, 80, graph(9000, 9100))
        .database("made")
    )
    done, parsed = written(made, "made")
    arrows = parsed.flows()
    assert done.flows == len(arrows) == 3002
    assert {(a.start_ns - UTC, b.start_ns - UTC) for a, b in arrows} == {
        (1, 3), (70, 9000), *((5, 100 + 2 * n) for n in range(3000))
    }  # fmt: skip


@pytest.mark.long
def test_traces_of_a_job_are_on_one_clock_and_share_no_number(corpus: Database) -> None:
    names = ["nccl_rank0.sqlite.xz", "nccl_rank1.sqlite.xz"]
    _, parsed = written(corpus, *names)
    parts = [written(corpus, name)[1] for name in names]
    assert len(parsed.slices) == sum(len(part.slices) for part in parts)
    assert len(parsed.flows()) == sum(len(part.flows()) for part in parts)
    pids = [one.process.pid for one in parsed.tracks.values() if one.HasField("process")]
    assert len(pids) == len(set(pids)) == 2
    # As the question has it: rank 1's clock is so far ahead of rank 0's.
    aligned = dict(corpus.query("clock_alignment", trace=names).select("trace", "start_ns").iter_rows())
    base = dict(corpus.sql("SELECT trace, start_utc_ns FROM traces").iter_rows())
    first = {
        name: corpus.sql(
            "SELECT min(kernels.start_ns) AS at FROM kernels JOIN traces USING (trace_id) WHERE trace = $trace",
            {"trace": name},
        )["at"][0]
        for name in names
    }
    for name in names:
        began = min(
            one.start_ns for one in parsed.slices if one.category == "kernel" and one.path[0].startswith(name)
        )
        assert began == base[names[0]] + aligned[name] + first[name]
    # A window is one of each trace's own times.
    done, _ = written(corpus, *names, **{"from": 1_000_000, "to": 2_000_000})
    starts = [base[names[0]] + aligned[name] for name in names]
    assert done.place == (min(starts) + 1_000_000, max(starts) + 2_000_000)


@pytest.mark.long
def test_the_same_traces_give_the_same_bytes_compressed_or_not(corpus: Database) -> None:
    def once(*, compressed: bool = False) -> bytes:
        file = io.BytesIO()
        perfetto.write(corpus._asker, ["nccl_rank0.sqlite.xz"], file, compressed=compressed)
        return file.getvalue()

    plain = once()
    assert once() == plain
    packed = once(compressed=True)
    assert len(packed) < len(plain) / 3
    assert gzip.decompress(packed) == plain


@pytest.mark.long
def test_stretches_leave_nothing_out(corpus: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(corpus, "graph_whole.sqlite.xz")[1]
    monkeypatch.setattr(stretches, "_ROWS", 7)
    parts = written(corpus, "graph_whole.sqlite.xz")[1]
    assert parts.sums() == whole.sums()
    assert len(parts.flows()) == len(whole.flows())


def test_what_has_no_times_is_refused(corpus: Database) -> None:
    with pytest.raises(MissingDataError, match="no timeline"):
        written(corpus, "llama_roofline.ncu-rep.xz")
    with pytest.raises(QueryError, match="no trace is called 'nobody'"):
        written(corpus, "nobody")


@pytest.mark.long
def test_counters_of_ncu_stand_beside_the_kernels_of_the_same_launches(corpus: Database) -> None:
    timeline, counters = "scv_baseline_off.sqlite.xz", "scv_baseline_off.ncu-rep.xz"
    _, parsed = written(corpus, timeline, counters)
    rows = corpus.query("counters_on_timeline", timeline=timeline, counters=counters).to_dicts()
    expected = sorted(
        row["dram_read_bytes"]
        for row in rows
        if row["found_in"] == "both" and row["dram_read_bytes"] is not None
    )
    assert expected
    found = [one.arguments["dram_read_bytes"] for one in parsed.slices if "dram_read_bytes" in one.arguments]
    assert sorted(found) == expected


# --- the command ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    export = (
        Recording()
        .session(utc_ns=UTC)
        .call("cudaLaunchKernel", 5, 9, kernel("add", 20, 50))
        .export(folder / "run.sqlite")
    )
    assert traceql("ingest", export, "--db", folder / "t.duckdb").returncode == 0
    return folder / "t.duckdb"


@pytest.mark.parametrize("suffix", [".pftrace", ".pftrace.gz"])
def test_the_command_writes_the_file_and_says_what_it_holds(
    stored: Path, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"run{suffix}"
    result = traceql("export", "run", "-o", file, "--db", stored)
    assert result.returncode == 0
    assert "2 slices, 0 marks, 1 arrows, 2 values of counters" in result.stderr
    content = file.read_bytes()
    parsed = parse(gzip.decompress(content) if suffix.endswith(".gz") else content)
    assert sorted(one.name for one in parsed.slices) == ["add", "cudaLaunchKernel"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["run", "-o", "run.json"], 2, "must end in .pftrace or .pftrace.gz"),
        (["run", "run"], 2, "A copy is of one database"),
        (["run", "--from", "5"], 2, "--from is for traces in a file"),
        (["run", "--lake", "-o", "run.pftrace"], 2, "--lake is for a copy"),
        (["nobody", "-o", "run.pftrace"], 1, "no trace is called 'nobody'"),
        (["run", "--within", "step", "-o", "run.pftrace"], 1, "is called 'step'"),
        (["run", "--from", "9", "--to", "5", "-o", "run.pftrace"], 2, "is none"),
        (["run", "-o", "nowhere/run.pftrace"], 1, "cannot be written"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(
    stored: Path, tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    result = traceql("export", *arguments, "--db", stored, folder=tmp_path)
    assert result.returncode == status
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_failure_on_the_way_leaves_what_was_there(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.pftrace"
    file.write_bytes(b"before")

    def fail(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("traceql.share.perfetto.packets.slices", fail)
    result = traceql("export", "run", "-o", file, "--db", stored)
    assert result.returncode == 1
    assert "No space left" in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["run.pftrace"]
    assert file.read_bytes() == b"before"


# --- what it is made of ---------------------------------------------------------------------------------

WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)


@given(
    st.lists(
        st.tuples(WHOLE, st.booleans(), st.lists(WHOLE, max_size=3), st.floats(allow_nan=False)),
        min_size=1,
        max_size=20,
    )
)
def test_rows_of_messages_are_what_one_message_after_the_other_is(
    rows: list[tuple[int, bool, list[int], float]],
) -> None:
    wholes, present, several, doubles = zip(*rows, strict=True)
    there = np.array(present)
    flat = [value for values in several for value in values]
    written = protobuf_rows.joined(
        [
            protobuf_rows.message(
                1,
                [
                    protobuf_rows.constant(protobuf.field(2, "text"), len(rows)),
                    protobuf_rows.varints(3, np.array(wholes), there),
                    protobuf_rows.message(4, [protobuf_rows.doubles(5, np.array(doubles))], there),
                    protobuf_rows.several(60, np.array(flat, np.int64), np.array([len(v) for v in several])),
                ],
            )
        ]
    )
    expected = b""
    for whole, is_there, values, double in rows:
        inner = protobuf.field(2, "text")
        if is_there:
            inner += protobuf.field(3, whole) + protobuf.field(4, protobuf.field(5, double))
        expected += protobuf.field(1, inner + b"".join(protobuf.field(60, value) for value in values))
    assert written == expected


@given(st.integers(-(1 << 63), (1 << 64) - 1))
def test_a_varint_is_read_as_it_was_written(value: int) -> None:
    content = protobuf.varint_bytes(value)
    assert protobuf.varint(content, 0, len(content)) == (value % (1 << 64), len(content))


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 12), st.integers(0, 6)), max_size=30),
    st.integers(1, 30),
)
def test_on_a_lane_events_lie_behind_or_within_each_other(
    events: list[tuple[int, int, int]], at_a_time: int
) -> None:
    ordered = sorted(
        ((track, start, start + took) for track, start, took in events), key=lambda e: (e[1], -e[2])
    )
    fresh = iter(range(100, 1000))
    made: dict[int, int] = {}

    def beside(track: int) -> int:
        new = next(fresh)
        made[new] = track
        return new

    lanes = Lanes(beside)
    placed: list[int] = []
    for first in range(0, len(ordered), at_a_time):
        some = np.array(ordered[first : first + at_a_time], np.int64)
        placed += lanes.place(some[:, 0].copy(), some[:, 1].copy(), some[:, 2].copy()).tolist()
    on: dict[int, list[tuple[int, int]]] = {}
    for lane, (track, start, end) in zip(placed, ordered, strict=True):
        assert made.get(lane, lane) == track
        for before, until in on.get(lane, []):
            assert until <= start or (before <= start and end <= until)
        on.setdefault(lane, []).append((start, end))
    # Nothing is put beside what it would lie behind.
    for track in {track for track, _, _ in ordered}:
        own = sorted((start, end) for one, start, end in ordered if one == track)
        if all(a[1] <= b[0] for a, b in itertools.pairwise(own)):
            assert track not in made.values()


@given(
    st.lists(st.integers(-40, 40) | st.sampled_from([-(1 << 63), (1 << 63) - 1]), min_size=1, max_size=60),
    st.integers(1, 20),
    st.integers(2, 5),
)
def test_stretches_hold_every_moment_once_and_few_rows_each(times: list[int], rows: int, parts: int) -> None:
    def counts(since: int, until: int, width: int) -> list[tuple[int, int]]:
        assert width >= 1
        return sorted(Counter((at - since) // width for at in times if since <= at < until).items())

    with mock.patch.multiple(stretches, _ROWS=rows, _PARTS=parts):
        found = list(stretches.of(counts, min(times), max(times) + 1, len(times)))
    assert all(a[0] < a[1] for a in found)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))
    held = [[at for at in times if since <= at < until] for since, until in found]
    assert sum(map(len, held)) == len(times)
    assert all(len(some) <= rows or len(set(some)) == 1 for some in held)
