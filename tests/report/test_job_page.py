"""The page about a job: two real ranks of which one is late, two that share a report, and hand-made ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from command_line import traceql as run_command
from made import jobs
from made.nsys import Recording, kernel
from made.store import empty
from shipped import REPORTS
from test_page import HOSTILE, Parsed

import traceql
from traceql.ask import findings
from traceql.errors import QueryError
from traceql.report import troubles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql import Database

pytestmark = pytest.mark.long

SECTIONS = {
    "job-about-ranks", "job-about-who-is-late", "job-about-ranks-and-steps", "job-about-communication",
    "job-about-balance", "job-about-critical-path", "job-slowest",
}  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with traceql.open(tmp_path_factory.mktemp("jobs") / "x.duckdb") as db:
        for name in ("late_rank0", "late_rank1", "llama_tp2"):
            db.ingest(REPORTS / f"{name}.nsys-rep.xz", name=name)
        yield db


@pytest.fixture(scope="module")
def late(database: Database) -> Parsed:
    """The page about the job of which a rank is late."""
    return Parsed(database.report(job="late_rank0"))


def facts(page: Parsed) -> str:
    return page.text.partition("Missing")[0].rpartition("Ranks 2")[2]


def test_a_page_about_a_job_says_what_its_ranks_did_and_which_is_slow(
    database: Database, late: Parsed
) -> None:
    assert set(late.ids()) >= SECTIONS
    assert "2 × NVIDIA H200" in facts(late) and "Hosts 1" in facts(late)
    # The fastest rank waits for the one that is late.
    assert (
        "late_rank0 is the fastest, as it waits most for others: the baseline. late_rank1 waits" in late.text
    )
    drawn = json.loads(late.scripts["job-rank_steps-chart"])
    cells = next(rows for rows in drawn["datasets"].values() if rows)
    expected = database.query("rank_steps", trace=["late_rank0", "late_rank1"])
    assert {(row["rank"], row["step"], row["exposed_ns"]) for row in cells} == set(
        expected.select("rank", "step", "exposed_ns").rows()
    )
    assert "traceql diff --job late_rank0 --topic kernel" in late.text
    assert "traceql query rank-steps --trace late_rank0 --trace late_rank1" in late.text
    ids = late.ids()
    assert len(ids) == len(set(ids))


def test_what_is_wrong_says_of_which_rank_it_is(late: Parsed) -> None:
    # Times there are by the clock of that trace.
    for rank, when in (("late_rank0", "20.51 ms to 73.77 ms"), ("late_rank1", "18.01 ms to 117.9 ms")):
        assert f"; in {rank}, {when}" in late.text


def test_how_many_findings_the_page_leaves_out_is_said() -> None:
    told = findings.Findings((), {}, (), more=2)
    assert troubles._more(told, ["job=a b"]) == "2 more findings: traceql why 'job=a b' --limit NULL"
    assert troubles._more(replace(told, more=0), ["a"]) == ""


def test_ranks_of_one_job_are_no_baseline_and_variant(database: Database) -> None:
    page = Parsed(database.report("late_rank0", "late_rank1"))
    assert {"job", "job-rank_balance", "t1", "t2"} <= set(page.ids())
    assert "The baseline is the first, the variant the second." not in page.text
    assert "c1" not in page.ids()
    others = Parsed(database.report("late_rank0", "llama_tp2"))
    assert {"c1", "t1", "t2"} <= set(others.ids()) and "job" not in others.ids()


def test_ranks_that_share_a_report_are_compared_by_their_processes(database: Database) -> None:
    page = Parsed(database.report(job="llama_tp2"))
    assert "llama_tp2 rank 1 is the fastest" in page.text
    assert "-- of tables narrowed to what each rank did" in page.text
    # One trace has one clock.
    assert "What this job does not tell" in page.text and "No job has several traces" in page.text


def test_what_is_missing_of_a_job_is_named_at_its_head() -> None:
    made = empty()
    for name, recording in jobs.TRAIN.items():
        recording.store(made, name)
    text = Parsed(made.report(job="train")).text
    assert "Ranks 2 of 4 recorded" in text
    assert "Missing rank 2: not recorded; rank 3: not recorded" in text
    assert "traceql query rank-balance --trace job=train" in text
    # 2000 to 4000 ns of the first rank, and 2000 to 4000 of the second one.
    assert "Span 2 µs" in text


def test_of_ranks_that_tell_no_span_or_no_gpu_work_the_head_says_so() -> None:
    made = empty()
    # It ends before it starts.
    Recording(job="odd").session(utc_ns=jobs.UTC).work(kernel("gemm", 9, 5)).store(made, "backwards")
    Recording(job="host").session(utc_ns=jobs.UTC).range("step", 0, 5).store(made, "host")
    head, missing, _ = Parsed(made.report(job="odd")).text.partition("Missing")
    assert missing and "GPUs 1" in head and "Span" not in head
    text = Parsed(made.report(job="host")).text
    assert "GPUs not recorded" in text and "rank 0 (host): GPU work not recorded" in text


def test_a_job_that_does_not_communicate_says_why_it_has_no_slowest_rank() -> None:
    made = empty()
    Recording(job="quiet").session(utc_ns=jobs.UTC).work(kernel("gemm", 0, 5)).store(made, "only")
    text = Parsed(made.report(job="quiet")).text
    assert "no job 'quiet' has two ranks that share collectives" in text


def test_a_hostile_name_of_a_job_stays_text() -> None:
    made = empty()
    for name, recording in jobs.UNTAGGED.items():
        recording.store(made, name)
    made.tag("x", "y", job=HOSTILE)
    page = Parsed(made.report(job=HOSTILE))
    assert not [tag for tag, attrs in page.elements if tag == "img" or "onerror" in attrs]
    assert f"Job {HOSTILE}" in page.texts


def test_no_job_and_parameters_that_no_question_has_are_errors(database: Database) -> None:
    with pytest.raises(QueryError, match="no job is called 'train'"):
        database.report(job="train")
    with pytest.raises(QueryError, match="no question of this page has a parameter 'exclude'"):
        database.report(job="late_rank0", exclude=["x"])
    with pytest.raises(QueryError, match="about traces or about a job"):
        database.report("late_rank0", job="late_rank0")


def test_the_command_writes_a_page_about_a_job(database: Database, tmp_path: Path) -> None:
    database.close()
    page = tmp_path / "job.html"
    made = run_command("report", "--job", "late_rank0", "--db", database.path, "-o", page)
    assert (made.returncode, made.stderr) == (0, "")
    assert "<title>Job report: late_rank0</title>" in page.read_text(encoding="utf-8")
    for words in ([], ["late_rank0", "--job", "late_rank0"]):
        refused = run_command("report", *words, "--db", database.path, "-o", page)
        assert refused.returncode == 2 and "one of both" in refused.stderr


def test_a_rank_s_number_may_be_any_and_a_job_s_name_is_no_pattern() -> None:
    database = empty()
    for number, rank in enumerate(("2", "300000000")):
        made = Recording(job="la*", rank=rank).work(kernel("k", number, number + 1))
        made.store(database, f"trace{number}")
    Recording(job="lake").work(kernel("k", 0, 1)).store(database, "another")
    text = Parsed(database.report(job="la*")).text
    assert "Ranks 2 of 300,000,001 recorded" in text and "another" not in text
    assert "rank 0: not recorded; rank 1: not recorded; rank 3: not recorded" in text
    assert "299,999,991 more" in text
    with pytest.raises(QueryError, match=r"no job is called 'l\*'"):
        database.report(job="l*")


def test_what_is_wrong_is_told_of_the_whole_job(database: Database, late: Parsed) -> None:
    some = Parsed(database.report(job="late_rank0", from_="20ms", to="40ms")).text
    said = "What is wrong is told of the whole job, not of the stretch of time."
    assert said in some and said not in late.text
