"""Questions about jobs on random jobs, against what the events of their ranks tell, counted one by one.

A long run: ``python tests/random_jobs.py --help``.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from made.nsys import Recording, kernel
from made.store import empty

from oracle.jobs import ORACLES, UTC, Job
from oracle.jobs_asked import compared, jobs_in_a_database

if TYPE_CHECKING:
    from traceql import Database

JOBS = 6


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Job], Database]:
    return jobs_in_a_database(JOBS, 17)


@pytest.mark.long
@pytest.mark.parametrize("question", ORACLES)
def test_an_answer_about_jobs_is_what_the_events_of_their_ranks_tell(
    drawn: tuple[list[Job], Database], question: str
) -> None:
    rows, wrong = compared(question, *drawn)
    assert rows > JOBS
    assert not wrong, wrong[0]


def test_clocks_that_differ_by_up_to_a_millisecond_are_set_to_the_nanosecond(
    drawn: tuple[list[Job], Database],
) -> None:
    made, database = drawn
    rows = {row["trace"]: row for row in database.ask("clock_alignment").frame().to_dicts()}
    several = [job for job in made if len(job.began) > 1]
    assert len(rows) == sum(len(job.began) for job in several) > 5
    for job in several:
        for number, (began, ahead) in enumerate(zip(job.began, job.ahead, strict=True)):
            row = rows[f"{job.name}.{number}"]
            assert (row["start_ns"], row["clock_offset_ns"]) == (began, ahead)
            assert row["max_residual_ns"] == (0 if number else None)


@pytest.mark.long
def test_clocks_are_set_by_collectives_that_follow_each_other_closely() -> None:
    """All-reduces of decoding, 10 µs apart: within what clocks are compared by first lie the ends of others."""
    pick, later = random.Random(1), 5_000_000
    ranks = [Recording().session(utc_ns=UTC), Recording().session(utc_ns=UTC + later + 7_345)]
    at = later + 1_000_000
    for _ in range(200):
        at += pick.randint(5_000, 15_000)
        for rank, began in zip(ranks, (0, later), strict=True):
            start, end = at + pick.randint(0, 300), at + 4_000 + pick.randint(0, 600)
            rank.work(kernel("ncclDevKernel_AllReduce", start - began, end - began))
    database = empty()
    for number, rank in enumerate(ranks):
        rank.store(database, f"rank{number}")
    _, row = database.ask("clock_alignment").frame().to_dicts()
    assert abs(row["clock_offset_ns"] - 7_345) < 100
    assert row["collectives"] == 200 and row["max_residual_ns"] < 700
