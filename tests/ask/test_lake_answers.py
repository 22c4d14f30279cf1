"""A lake answers as a file does: every question, row for row, and all that is made of answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from ask.test_order_of_rows import OPEN, counted, measured, of_equals
from asked import given
from lakes import alike, assert_same, content, outcome, pages_alike
from made import jobs, store
from shipped import NCU_REPORTS

import traceql
from traceql.questions import catalog
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql import Database

QUESTIONS = sorted(catalog.shipped().queries)
PAIR = ("scv_baseline_graph.ncu-rep.xz", "scv_nwor_graph.ncu-rep.xz")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Database]]:
    """A file and a lake into which the same was stored."""
    folder = tmp_path_factory.mktemp("both")
    with traceql.open(folder / "file.duckdb") as file, traceql.open(folder / "lake", lake=True) as lake:
        made = {"one": of_equals(), "two": of_equals(), "counted": counted(), "counted again": counted()}
        # Where all ranks begin at the same time, nobody is late.
        made |= jobs.TRAIN
        runs = measured().file("sweep")
        for database in (file, lake):
            database.import_runs(runs)
            for name, recording in made.items():
                recording.store(database, name)
        yield file, lake


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_as_by_a_file(both: tuple[Database, Database], question: str) -> None:
    query = catalog.shipped().find(question)
    params = given(query, timeline="one", baseline="counted", variant="counted again")
    params |= OPEN.get(question, {})
    one, other = (database.ask(question, **params) for database in both)
    assert len(one) > 0
    assert_same(one, other)


@pytest.mark.long
@pytest.mark.parametrize(
    "question",
    [name for name in QUESTIONS if any(p.name == "trace" for p in catalog.shipped().find(name).params)],
)
def test_a_question_about_one_trace_is_answered_as_by_a_file(
    both: tuple[Database, Database], question: str
) -> None:
    query = catalog.shipped().find(question)
    params = given(query, timeline="two", baseline="counted", variant="counted again")
    params |= OPEN.get(question, {})
    several = 0
    for trace in ("two", "counted"):
        one, other = (
            outcome(lambda d=database, t=trace: d.ask(question, **params, trace=t)) for database in both
        )
        assert_same(one, other)
        several += not isinstance(one, str)
    assert several


@pytest.mark.long
def test_a_window_is_answered_as_by_a_file(both: tuple[Database, Database]) -> None:
    narrowed: list[dict[str, Any]] = [
        {"trace": "one", "from": 100, "to": 1_300},
        {"within": "step a"},
        {"trace": "two", "within": "step a#1"},
    ]
    for params in narrowed:
        for question in ("cuda_api_sum", "top_kernels", "nvtx_sum"):
            one, other = (database.ask(question, **params) for database in both)
            assert len(one) > 0
            assert_same(one, other)


def test_the_rows_of_some_traces_are_those_of_a_file(both: tuple[Database, Database]) -> None:
    asked = "SELECT trace, count(*) AS kernels FROM kernels JOIN traces USING (trace_id) GROUP BY ALL ORDER BY ALL"
    one, other = (database.sql(asked, trace=["one", "counted*"]) for database in both)
    assert one["trace"].to_list() == ["counted", "counted again", "one"]
    assert one.equals(other)


@pytest.fixture(scope="module")
def everything(
    corpus: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, Database]]:
    """Every shipped report, in a file and in a lake."""
    place = tmp_path_factory.mktemp("everything") / "lake"
    corpus.export(place, lake=True)
    with traceql.open(place) as lake:
        yield corpus, lake


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_report_is_answered_as_by_a_file(everything: tuple[Database, Database], question: str) -> None:
    query = catalog.shipped().find(question)
    baseline, variant = PAIR
    params = given(query, timeline="scv_baseline_graph.sqlite.xz", baseline=baseline, variant=variant)
    one, other = (outcome(lambda d=database: d.ask(question, **params)) for database in everything)
    assert_same(one, other)


@pytest.mark.long
def test_what_ranges_launch_is_not_looked_for_among_all_ranges_of_a_level(
    everything: tuple[Database, Database],
) -> None:
    """Of Parquet files the engine does not know how few levels there are."""
    statement = catalog.shipped().find("nvtx_kern_sum").sql
    values = {"range": "NULL", "names": "'full'", "by": "'thread'", "trace": "NULL"}
    values |= {"by_range": "false", "exact": "true"}
    statement = re.sub(r"\$(\w+)", lambda found: values[found[1]], statement)
    plan = everything[1].sql(f"EXPLAIN {statement.lstrip()}")["explain_value"].item()
    assert "around_id" in plan
    assert "levels = levels" not in plan


@pytest.mark.long
def test_what_is_made_of_answers_is_that_of_a_file(everything: tuple[Database, Database]) -> None:
    baseline, variant = PAIR
    file, lake = everything
    for trace in ("scv_baseline_graph.sqlite.xz", *NCU_REPORTS[:3]):
        assert alike(file.info(trace), lake.info(trace))
    assert file.tables().equals(lake.tables())
    assert file.unanswerable() == lake.unanswerable()
    for name, params in {
        "top_kernels": {"trace": variant},
        "roofline": {"trace": "roofline_counters.ncu-rep.xz"},
    }.items():
        one, other = (database.chart(name, **params).to_dict() for database in everything)
        assert alike(one, other)
    assert pages_alike(*(database.report(baseline, variant) for database in everything))
    one, other = (database.compare(baseline, variant) for database in everything)
    assert one.differences.height > 0
    assert alike(one.differences.to_dicts(), other.differences.to_dicts())
    one, other = (database.check("nwor", baseline=baseline, variant=variant) for database in everything)
    assert pages_alike("\n".join(map(repr, one)), "\n".join(map(repr, other)))


@pytest.mark.long
def test_every_row_of_every_table_goes_there_and_back(
    everything: tuple[Database, Database], tmp_path: Path
) -> None:
    file, lake = everything
    lake.export(tmp_path / "back.duckdb")
    with traceql.open(tmp_path / "back.duckdb") as back:
        for table in schema.TABLES:
            held = content(file, table.name)
            assert held.equals(content(lake, table.name)), table.name
            assert held.equals(content(back, table.name)), table.name
    assert content(file, "kernels").height > 1000


def test_an_empty_lake_is_an_empty_database(tmp_path: Path) -> None:
    file = store.empty()
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake._store.prepare()
    for question in ("top_kernels", "runs"):
        one, other = (outcome(lambda d=database, q=question: d.ask(q)) for database in (file, lake))
        assert isinstance(one, str)
        assert one == other
    assert lake.kernels().collect().equals(file.kernels().collect())
