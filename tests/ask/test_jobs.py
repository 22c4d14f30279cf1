"""Jobs of several ranks: real reports of two ranks, one of them late at known steps, and what makes traces a job."""

from __future__ import annotations

import lzma
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from made import jobs
from made.nsys import TWIN, Recording, kernel, memset
from made.store import empty
from shipped import REPORTS, notes

import traceql
from traceql.errors import QueryError
from traceql.read.base import no_progress
from traceql.read.nsys_rep import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql import Database

LATE = ("late_rank0", "late_rank1")
MS = 1_000_000


@pytest.fixture(scope="module")
def late() -> Iterator[Database]:
    """Two ranks that reduce in each step; rank 1 is late by 20 ms at steps 4 and 9, and computes twice as much at 7."""
    with traceql.open(":memory:") as db:
        for rank in LATE:
            db.ingest(REPORTS / f"{rank}.nsys-rep.xz")
        yield db


# --- an oracle: the reports' own events, in plain Python ------------------------------------------------


@dataclass
class Step:
    """What one rank did in a step: its kernels and memsets by name, and its all-reduce, as (start, end)."""

    work: dict[str, list[int]] = field(default_factory=dict)
    sum: tuple[int, int] = (0, 0)
    launched: int = 0


def _steps(rank: str, tmp_path: Path) -> tuple[int, list[Step], list[int]]:
    """Of a report: its UTC, what each step did before its all-reduce, and the ends of all collectives."""
    path = tmp_path / f"{rank}.nsys-rep"
    path.write_bytes(lzma.decompress((REPORTS / f"{rank}.nsys-rep.xz").read_bytes()))
    tables = {
        name: table.to_pylist()
        for name, table in read(path, wanted=None, progress=no_progress).tables.items()
    }
    texts = {row["id"]: row["value"] for row in tables["StringIds"]}
    calls = {row["correlationId"]: row["start"] for row in tables["CUPTI_ACTIVITY_KIND_RUNTIME"]}
    ranges = [
        (row["start"], row["end"], row["text"] or texts.get(row["textId"], ""))
        for row in tables["NVTX_EVENTS"]
    ]
    named = sorted((start, end) for start, end, text in ranges if text.startswith("step "))
    steps = [Step() for _ in named]
    done = [
        (row["start"], row["end"], texts[row["shortName"]], calls[row["correlationId"]])
        for row in tables["CUPTI_ACTIVITY_KIND_KERNEL"]
    ]
    done += [
        (row["start"], row["end"], "memset", calls[row["correlationId"]])
        for row in tables["CUPTI_ACTIVITY_KIND_MEMSET"]
    ]
    ends = []
    for start, end, name, launched in sorted(done):
        step = steps[next(n for n, (low, high) in enumerate(named) if low <= launched < high)]
        if name.startswith("nccl"):
            ends.append(end)
            if "AllReduce" in name:
                step.sum, step.launched = (start, end), launched
        elif step.sum == (0, 0):
            step.work.setdefault(name, []).append(end - start)
    return tables["TARGET_INFO_SESSION_START_TIME"][0]["utcEpochNs"], steps, ends


@pytest.mark.long
def test_who_is_late_and_why_is_what_the_events_of_both_reports_say(late: Database, tmp_path: Path) -> None:
    (utc, first, ends), (other_utc, second, other_ends) = (_steps(rank, tmp_path) for rank in LATE)
    apart = statistics.median(
        other_utc + theirs - utc - mine for mine, theirs in zip(ends, other_ends, strict=True)
    )
    _, clock = late.ask("clock_alignment").frame().to_dicts()
    # Ends are microseconds apart, and more of them are compared there than the pairs here.
    assert abs(clock["clock_offset_ns"] - apart) < 1_000
    assert clock["collectives"] == len(ends) == 24 and clock["median_residual_ns"] < 5_000
    shift = other_utc - utc - clock["clock_offset_ns"]
    assert clock["start_ns"] == shift
    rows = {
        row["step"]: row
        for row in late.ask("job_stragglers", limit=None).frame().to_dicts()
        if "AllReduce" in row["kernel"]
    }
    assert set(rows) == set(range(12))
    for number, (here, there) in enumerate(zip(first, second, strict=True)):
        row = rows[number]
        delay = there.sum[0] + shift - here.sum[0]
        last, before, rank = (there, here, 1) if delay > 0 else (here, there, 0)
        assert (row["last_rank"], row["late_ns"]) == (rank, abs(delay))
        sign = 1 if delay > 0 else -1
        assert row["launched_late_ns"] == sign * (there.launched + shift - here.launched)
        expected = sum(
            len(took) * statistics.mean(before.work[name]) if name in before.work else sum(took)
            for name, took in last.work.items()
        )
        done = [sum(map(sum, one.work.values())) for one in (last, before)]
        assert abs(row["more_work_ns"] - (expected - done[1])) <= 1
        assert abs(row["slower_ns"] - (done[0] - expected)) <= 1
        assert row["more_work_ns"] + row["slower_ns"] + row["rest_ns"] == row["late_ns"]


@pytest.mark.long
def test_the_late_steps_are_found_with_their_causes_and_amounts(late: Database) -> None:
    rows = [
        row
        for row in late.ask("job_stragglers", limit=None).frame().to_dicts()
        # Before step 0 rank 1 waits for rank 0, whose profiler starts up.
        if "AllReduce" in row["kernel"] and row["step"] > 0
    ]
    of_rank_1 = {row["step"]: row for row in rows if row["late_ns"] > 0.5 * MS}
    assert {step: row["cause"] for step, row in of_rank_1.items()} == {
        4: "host_late", 9: "host_late", 7: "more_work"
    }  # fmt: skip
    assert all(row["last_rank"] == 1 for row in of_rank_1.values())
    for step in (4, 9):
        assert 19.8 * MS < of_rank_1[step]["late_ns"] < 20.1 * MS
        assert of_rank_1[step]["launched_late_ns"] > 20 * MS
    # Four products and as many scalings more than rank 0, which has four of each: 0.75 ms.
    assert 0.7 * MS < of_rank_1[7]["more_work_ns"] < 0.8 * MS
    steps = {(row["step"], row["rank"]): row for row in late.ask("rank_steps").frame().to_dicts()}
    assert len(steps) == 24
    assert 1.9 < steps[7, 1]["compute_ns"] / steps[7, 0]["compute_ns"] < 2.1
    for step in (4, 9):
        assert steps[step, 0]["exposed_ns"] > 20 * MS > 0.1 * MS > steps[step, 1]["exposed_ns"]
        assert steps[step, 0]["waited_ns"] > 19.8 * MS


@pytest.mark.long
def test_the_critical_path_goes_through_the_late_rank_and_adds_up(late: Database) -> None:
    rows = late.ask("job_critical_path", limit=None).frame().to_dicts()
    for step in range(12):
        parts = [row for row in rows if row["step"] == step]
        assert [row["place"] for row in parts] == list(range(1, len(parts) + 1))
        assert sum(row["duration_ns"] for row in parts) == parts[0]["path_ns"]
        assert abs(sum(row["share_pct"] for row in parts) - 100) < 1e-6
        assert all(0 <= row["busy_ns"] <= row["duration_ns"] for row in parts)
        ends = [row["start_ns"] + row["duration_ns"] for row in parts]
        # Each part begins where the one before ended, up to the ranks' ends of one collective.
        assert all(abs(end - row["start_ns"]) < 6_000 for end, row in zip(ends[:-1], parts[1:], strict=True))
    (longest,) = (row for row in rows if row["step"] == 9 and row["kernel"] is None and row["share_pct"] > 50)
    assert longest["rank"] == 1 and longest["duration_ns"] - longest["busy_ns"] > 20 * MS


def test_bandwidth_is_that_of_a_link_between_two_gpus(late: Database) -> None:
    rows = {row["function"]: row for row in late.ask("collective_bandwidth").frame().to_dicts()}
    reduced, gathered = rows["ncclAllReduce"], rows["ncclAllGather"]
    # Of two ranks the factor of an all-reduce is 1, and each has half of what is gathered.
    assert (
        reduced["size_bytes"] == 4 << 22
        and gathered["size_bytes"] == 2 * gathered["message_bytes"] == 8 << 18
    )
    assert reduced["bus_bytes_per_s"] == reduced["algorithm_bytes_per_s"]
    assert gathered["bus_bytes_per_s"] * 2 == gathered["algorithm_bytes_per_s"]
    # NVLink of an H200 moves 450 GB/s in each direction.
    assert 2e11 < reduced["bus_bytes_per_s"] < 4.5e11


@pytest.mark.long
def test_what_sets_the_slowest_rank_apart_is_a_comparison_of_their_traces(late: Database) -> None:
    found = late.compare_ranks("late_rank0", topic="kernel")
    assert (found.baseline, found.variant) == (("late_rank0",), ("late_rank1",))
    more = {row["name"]: row["delta"] for row in found.changed().to_dicts() if row["measure"] == "instances"}
    assert set(more.values()) == {4.0} and any("nvjet" in name for name in more)
    with pytest.raises(QueryError, match="no job 'train'"):
        late.compare_ranks("train")


@pytest.mark.long
def test_one_report_of_two_processes_is_a_job_of_two_ranks() -> None:
    with traceql.open(":memory:") as db:
        db.ingest(REPORTS / "nccl_two_gpus.nsys-rep.xz", name="both")
        ranks = db.ask("job_summary").frame().to_dicts()
        assert [(row["rank"], row["rank_known_by"], row["job_known_by"]) for row in ranks] == [
            (0, "order", "alone"), (1, "order", "alone")
        ]  # fmt: skip
        # Rank 1 sleeps 5 ms before every third step.
        late = db.ask("job_stragglers", limit=2).frame().to_dicts()
        assert {(row["last_rank"], row["cause"]) for row in late} == {(1, "host_late")}
        assert all(4.5 * MS < row["late_ns"] < 8 * MS for row in late)
        for question in ("rank_steps", "rank_balance", "job_critical_path", "job_timeline", "slowest_ranks"):
            assert set(db.ask(question).frame()["job"]) == {"both"}
        found = db.compare_ranks("both")
        assert (found.baseline, found.variant) == (("both rank 0",), ("both rank 1",))
        mine = {(row["topic"], row["name"], row["measure"]): row for row in found.differences.to_dicts()}
        # Each side is what its process did.
        for rank, pid in enumerate(db.sql("SELECT pid FROM processes ORDER BY pid")["pid"]):
            side = ("baseline", "variant")[rank]
            (kernels, took), *_ = db.sql(
                "SELECT count(*), sum(duration_ns) FROM kernels WHERE pid = $pid", {"pid": pid}
            ).rows()
            assert mine["trace", None, "kernels"][side] == kernels
            assert mine["trace", None, "kernel_ns"][side] == took
            (calls,) = db.sql("SELECT count(*) FROM api_calls WHERE pid = $pid", {"pid": pid}).row(0)
            called = [row for (topic, _, what), row in mine.items() if (topic, what) == ("api_call", "calls")]
            assert sum(row[side] or 0 for row in called) == calls > 0


@pytest.mark.long
def test_ranks_of_a_model_in_one_report_are_late_where_their_steps_begin() -> None:
    """Llama on two GPUs: 66 all-reduces of vLLM's own, or NCCL's, in each of four steps, replayed by CUDA graphs."""
    with traceql.open(":memory:") as db:
        db.ingest(REPORTS / "llama_tp2.nsys-rep.xz", name="model")
        kernels = db.sql("SELECT pid, count(*) AS n FROM kernels_communicating GROUP BY pid").rows()
        rows = db.ask("job_stragglers", limit=None).frame().to_dicts()
        assert len(rows) == 264 and {count for _, count in kernels} == {264}
        # No collective of a step comes before its first one, where the host of rank 0 is late.
        latest = rows[:4]
        assert sorted(row["step"] for row in latest) == [0, 1, 2, 3]
        assert {(row["last_rank"], row["cause"]) for row in latest} == {(0, "host_late")}
        assert all(row["late_ns"] > 0.9 * MS for row in latest)
        assert all(row["late_ns"] < 0.1 * MS for row in rows[4:])
        for row in latest:
            same = [one["start_ns"] for one in rows if one["step"] == row["step"]]
            assert row["start_ns"] == min(same) and len(same) == 66
        path = [row for row in db.ask("job_critical_path", limit=None).frame().to_dicts() if row["step"] == 2]
        assert sum(row["part"] == "collective" for row in path) == 66


@pytest.mark.long
def test_ranks_that_share_a_trace_differ_as_if_each_had_one_of_its_own() -> None:
    def rank(made: Recording, pid: int) -> Recording:
        made.range("step", 0, 90, pid=pid).range("inner", 10, 50, pid=pid)
        for number in range(1 + pid):
            at = 12 + 5 * number
            made.call(
                "cudaLaunchKernel_v7000", at, at + 1, kernel("gemm", at, at + 9 * pid, device=pid), pid=pid
            )
        made.call("cudaMemsetAsync_v3020", 60, 61, memset(60, 65 + pid, 8 * pid, device=pid), pid=pid)
        for at in (100, 200):
            made.work(kernel("ncclDevKernel_AllReduce", at + 5 * pid, at + 50, device=pid), pid=pid)
        return made

    together, alone = empty(), empty()
    rank(rank(Recording(), 1), 2).store(together, "both")
    for pid in (1, 2):
        rank(Recording(), pid).store(alone, f"both rank {pid - 1}")
    rows = []
    for place in ({}, {"from_": 18, "to": 63}, {"within": "inner"}, {"within": "step#0", "to": 20}):
        # The first process waits for the second one.
        mine = together.compare_ranks("both", **place)
        theirs = alone.compare("both rank 0", "both rank 1", **place)
        assert (mine.baseline, mine.variant) == (theirs.baseline, theirs.variant)
        assert mine.differences.height > 10
        assert mine.differences.rows() == theirs.differences.rows()
        rows.append(mine.differences.rows())
    assert len({str(some) for some in rows}) == len(rows)
    with pytest.raises(QueryError, match="is none"):
        together.compare_ranks("both", from_=20, to=20)


def test_ranks_that_are_told_by_one_pid_and_one_gpu_are_compared_with_each_other() -> None:
    made = Recording()
    # Each in a container of its own, with a GPU that is its first one.
    for process, length, late in ((1, 5, 0), (TWIN, 9, 5)):
        made.work(kernel("gemm", 20, 20 + length), pid=process)
        for at in (100, 200):
            made.work(kernel("ncclDevKernel_AllReduce", at + late, at + 50), pid=process)
    found = made.database("both").compare_ranks("both")
    assert (found.baseline, found.variant) == (("both rank 0",), ("both rank 1",))
    (took,) = (row for row in found.differences.to_dicts() if row["measure"] == "kernel_ns")
    assert (took["baseline"], took["variant"]) == (5 + 2 * 50, 9 + 2 * 45)


@pytest.mark.long
def test_from_and_to_of_a_comparison_of_ranks_are_times_of_the_job() -> None:
    database = empty()
    for name, recording in jobs.TRAIN.items():
        recording.store(database, name)
    # Step 1 of both ranks, whose reports began 1,000 ns apart: rank 1 has two products of 220 ns in all.
    found = database.compare_ranks("train", topic="kernel", from_=2_450, to=3_050).differences.to_dicts()
    sums = {
        (row["name"], row["measure"]): (row["baseline"], row["variant"])
        for row in found
        if row["measure"] in ("instances", "total_ns")
    }
    assert sums == {
        ("gemm", "instances"): (1, 2),
        ("gemm", "total_ns"): (100, 220),
        (jobs.SUM, "instances"): (1, 1),
        (jobs.SUM, "total_ns"): (400, 260),
    }
    assert database.compare_ranks("train", within="step 1", topic="trace").differences.height > 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("question", "params", "expected"),
    [
        ("clock_alignment", {}, {"collectives": [0, 2]}),
        ("collective_bandwidth", {}, {"collectives": [2], "min_ns": [200], "max_ns": [260]}),
        ("job_critical_path", {}, {"step": [1, 1, 2, 2], "duration_ns": [350, 260, 300, 200]}),
        ("job_stragglers", {}, {"step": [1, 2], "late_ns": [150, 50]}),
        (
            "job_summary",
            {},
            {"kernels": [4, 5], "work_ns": [660, 770], "waiting_ns": [150, 50], "collectives": [2, 2]},
        ),
        (
            "job_timeline",
            {},
            {
                "state": [
                    "work",
                    "waiting",
                    "exchange",
                    "idle",
                    "work",
                    "idle",
                    "exchange",
                    "idle",
                    "work",
                    "idle",
                    "exchange",
                    "idle",
                    "work",
                    "idle",
                    "waiting",
                    "exchange",
                    "idle",
                ],
                "duration_ns": [
                    100,
                    150,
                    250,
                    100,
                    110,
                    90,
                    200,
                    100,
                    220,
                    30,
                    260,
                    90,
                    90,
                    60,
                    50,
                    200,
                    100,
                ],
            },
        ),
        (
            "rank_balance",
            {"topic": "rank"},
            {
                "measure": [
                    "communication_ns",
                    "compute_ns",
                    "kernels",
                    "memory_bytes",
                    "memory_ns",
                    "memory_ops",
                ],
                "least": [510, 200, 4, 0, 0, 0],
                "most": [600, 310, 5, 64, 10, 1],
            },
        ),
        ("rank_steps", {}, {"step": [1, 1, 2, 2]}),
        ("slowest_ranks", {"skip": 1}, {"collectives": [2, 2], "waited_ns": [50, 150]}),
    ],
)
def test_a_stretch_of_the_jobs_clock_holds_whole_steps_collectives_and_operations(
    question: str, params: dict[str, Any], expected: dict[str, list[Any]]
) -> None:
    database = empty()
    for name, recording in jobs.TRAIN.items():
        recording.store(database, name)
    # Steps 1 and 2, from their first products on; step 3 begins at 3600.
    found = database.query(question, **params, from_="2501", to="3.55us")
    assert {column: found[column].to_list() for column in expected} == expected


# --- what makes a job -----------------------------------------------------------------------------------


def _jobs(traces: dict[str, Recording]) -> list[tuple[Any, ...]]:
    database = empty()
    for name, recording in traces.items():
        recording.store(database, name)
    columns = "trace, job, job_known_by, rank, rank_known_by"
    return database.sql(f"SELECT {columns} FROM jobs ORDER BY ALL").rows()


def test_traces_are_not_united_by_their_names() -> None:
    alike = {
        f"run_rank{n}": Recording().session(utc_ns=jobs.UTC + n).work(kernel("gemm", 0, 5)) for n in (0, 1)
    }
    assert _jobs(alike) == [
        ("run_rank0", "run_rank0", "alone", 0, "name"),
        ("run_rank1", "run_rank1", "alone", 1, "name"),
    ]


@pytest.mark.long
def test_traces_of_two_tags_are_two_jobs_whatever_they_share() -> None:
    first, second = (jobs.rank(n, jobs.STEPS[n], ranks=2, job=f"job{n}") for n in (0, 1))
    assert _jobs({"a": first, "b": second}) == [
        ("a", "job0", "tag", 0, "communicator"),
        ("b", "job1", "tag", 1, "communicator"),
    ]


@pytest.mark.long
def test_ranks_that_share_a_trace_of_a_lake_are_compared_as_well(tmp_path: Path) -> None:
    found = []
    for database in (traceql.open(tmp_path / "lake", lake=True), empty()):
        for name, recording in jobs.TOGETHER.items():
            recording.store(database, name)
        found.append(database.compare_ranks("both"))
    assert found[0].differences.height > 10
    assert found[0].differences.rows() == found[1].differences.rows()


@pytest.mark.long
def test_that_traces_were_united_without_a_tag_is_said() -> None:
    database = empty()
    for name, recording in jobs.UNTAGGED.items():
        recording.store(database, name)
    assert "taken for one job" in notes(database.ask("job_summary"))
    database.tag("x", "y", job="train")
    told = database.ask("job_summary")
    assert notes(told) == "" and set(told.frame()["job"]) == {"train"}


@pytest.mark.long
def test_ranks_that_were_not_recorded_are_counted() -> None:
    database = empty()
    for name, recording in jobs.TRAIN.items():
        recording.store(database, name)
    assert "train: 2 ranks of 4 were recorded" in notes(database.ask("job_summary"))


@pytest.mark.long
def test_ranks_of_the_same_number_are_two_that_were_recorded() -> None:
    database = empty()
    for name in ("x", "y"):
        jobs.UNTAGGED[name].store(database, name)
    database.tag("x", "y", job="train", rank="1")
    said = notes(database.ask("job_summary"))
    assert "train: 2 traces are called rank 1 (x, y). To say it right: traceql tag TRACE rank=N" in said
    assert "recorded" not in said
    database.drop("y")
    # Its communicator has two.
    assert notes(database.ask("job_summary")) == "train: 1 rank of 2 was recorded"


def test_containers_with_some_of_a_machines_gpus_each_are_on_one_host() -> None:
    database = empty()
    for name, gpus in {"a": "CD", "b": "AB", "c": "BC", "d": "E", "e": "", "f": "AB"}.items():
        made = Recording(**({"host": "other"} if name == "f" else {}), job="train")
        for number, uuid in enumerate(gpus):
            made.gpu(number, "NVIDIA H200", cuda=number, uuid=f"GPU {uuid}")
        made.work(kernel("gemm", 0, 10)).store(database, name)
    hosts = dict(database.sql("SELECT trace, host FROM jobs").rows())
    assert hosts["a"] == hosts["b"] == hosts["c"]
    assert len({hosts[name] for name in "adf"}) == 3
    assert hosts["e"] is None
