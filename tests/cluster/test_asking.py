"""What workers answer together is what one answers: rows, their order, what is said about them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import command_line
import deeds
import pytest
from ask.test_order_of_rows import counted, of_equals
from asked import given
from lakes import assert_same, outcome
from made import jobs, store  # noqa: F401 - its stand-in for reports

import traceql
from traceql.cluster import asking
from traceql.cluster.workers import Pool
from traceql.errors import ClusterError
from traceql.questions import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNITED = sorted(name for name, query in catalog.shipped().queries.items() if query.unites)


class Here:
    """Three workers, all of them this process; which traces each was asked about."""

    count = 3

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def each(self, work: Any, items: Any) -> Iterator[tuple[int, Any]]:
        # The last is ready first.
        for number, part in reversed(list(enumerate(items))):
            self.asked.append(part.parameters["trace"])
            yield number, work(part)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[traceql.Database]:
    with traceql.open(tmp_path_factory.mktemp("cluster") / "lake", lake=True) as database:
        for name, recording in {
            "one": of_equals(),
            "two": of_equals(),
            "counted": counted(),
            "counted again": counted(),
        }.items():
            recording.store(database, name)
        yield database
    asking._opened.cache_clear()


@pytest.mark.long
@pytest.mark.parametrize("name", UNITED)
def test_answers_of_several_are_the_answer_of_one(lake: traceql.Database, name: str) -> None:
    query = catalog.shipped().find(name)
    params = given(query, timeline="one", baseline="counted", variant="counted again")
    several = Here()
    assert_same(
        outcome(lambda: lake.ask(name, **params)),
        outcome(lambda: lake.ask(name, scheduler=several, **params)),
    )
    assert sorted(map(len, several.asked)) in ([], [2, 2])


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[traceql.Database]:
    """Two ranks of a job, each of which another worker gets."""
    with traceql.open(tmp_path_factory.mktemp("cluster") / "job", lake=True) as database:
        for name, recording in jobs.UNTAGGED.items():
            recording.store(database, name)
        yield database
    asking._opened.cache_clear()


@pytest.mark.parametrize("name", ["collectives", "nccl_straggler", "stragglers"])
def test_what_compares_ranks_is_asked_in_one_place(ranks: traceql.Database, name: str) -> None:
    several = Here()
    one, other = ranks.ask(name), ranks.ask(name, scheduler=several)
    assert len(one)
    assert one.table.equals(other.table)
    assert several.asked == []


@pytest.mark.long
@pytest.mark.parametrize("name", UNITED)
def test_workers_that_have_a_rank_each_answer_as_one(ranks: traceql.Database, name: str) -> None:
    params = given(catalog.shipped().find(name), timeline="x", baseline="x", variant="y")
    assert_same(
        outcome(lambda: ranks.ask(name, **params)),
        outcome(lambda: ranks.ask(name, scheduler=Here(), **params)),
    )


@pytest.mark.long
def test_a_limit_is_one_for_each_trace_there_too(lake: traceql.Database) -> None:
    one, several = (lake.ask("top_kernels", limit=1, scheduler=s) for s in (None, Here()))
    assert_same(one, several)
    assert len(several) == 4 < several.total_rows


def test_only_the_traces_that_are_meant_are_asked(lake: traceql.Database) -> None:
    several = Here()
    answer = lake.ask("top_kernels", trace=["one", "two"], scheduler=several)
    assert sorted(several.asked) == [["one"], ["two"]]
    assert set(answer.frame()["trace"]) == {"one", "two"}


def test_what_does_not_unite_is_asked_in_one_place_and_says_so(lake: traceql.Database) -> None:
    several = Here()
    answer = lake.ask("memory_hierarchy", scheduler=several)
    assert several.asked == []
    assert answer.notes[-1].code == "in_one_place"


@pytest.mark.long
def test_processes_of_this_machine_answer(lake: traceql.Database) -> None:
    assert_same(lake.ask("top_kernels"), lake.ask("top_kernels", scheduler=Pool(2)))
    printed = [
        command_line.traceql("query", "top-kernels", "--db", lake.path, "--format", "csv", *more)
        for more in ((), ("--scheduler", "local:2"))
    ]
    assert printed[0].returncode == 0 and printed[0].stdout == printed[1].stdout


def test_an_error_of_one_is_that_of_the_question(lake: traceql.Database) -> None:
    with pytest.raises(traceql.QueryError, match="no range"):
        lake.ask("top_kernels", within="nowhere", scheduler=Here())


@pytest.mark.long
def test_all_workers_together_have_the_time_that_one_question_has(
    lake: traceql.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "rows", deeds.slow)
    began = time.monotonic()
    with (
        traceql.open(lake.path, lake=True, timeout_s=2) as limited,
        pytest.raises(traceql.errors.TimeLimitError, match="no answer within 2 s"),
    ):
        limited.ask("top_kernels", scheduler=Pool(1))
    assert time.monotonic() - began < 10


def test_a_database_in_memory_is_nobody_elses(tmp_path: Path) -> None:
    with traceql.open(":memory:") as database, pytest.raises(ClusterError, match="in memory"):
        database.ask("top_kernels", scheduler=Here())
