"""An answer holds the question, its parameters, the rows and what is to be said about them."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from made.nsys import Recording, kernel

import traceql
from traceql.ask.answer import Answer, Asker, Once
from traceql.errors import MissingDataError, QueryError
from traceql.store.definitions import Definition

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "<script>alert(1)</script>\x1b[31m"
LAUNCH = "cudaLaunchKernel_v7000"
#: Asked of no window, and of each trace by itself.
NOWHERE = {"from": None, "to": None, "within": None, "by": None}


@pytest.fixture
def db() -> Iterator[traceql.Database]:
    """Three kernels of two names, and a trace without any."""
    with traceql.open(":memory:") as database:
        recording = Recording().call(LAUNCH, 0, 10, kernel("gemm", 10, 40), kernel("gemm", 50, 60))
        recording.call(LAUNCH, 20, 30, kernel(HOSTILE, 60, 65)).store(database, "run")
        Recording().range("step", 0, 10).store(database, "ranges")
        yield database


def test_an_answer_knows_its_question_its_parameters_and_its_rows(db: traceql.Database) -> None:
    answer = db.ask("top_kernels", trace="run")
    assert answer.question.name == "top_kernels"
    given = {"trace": ["run"], "kernel": "*", "names": "distinct", "limit": 20}
    assert answer.parameters == {**NOWHERE, **given}
    assert isinstance(answer.table, pa.Table)
    assert answer.table.column_names == [column.name for column in answer.question.columns]
    assert answer.frame()["total_ns"].to_list() == [40, 5]
    assert len(answer) == answer.total_rows == 2
    assert repr(answer) == "<Answer top_kernels: 2 of 2 rows>"


def test_it_says_how_many_rows_there_are_without_the_limit(db: traceql.Database) -> None:
    answer = db.ask("top_kernels", trace="run", limit=1)
    assert (len(answer), answer.total_rows) == (1, 2)
    assert repr(answer) == "<Answer top_kernels: 1 of 2 rows>"
    assert db.ask("top_kernels", trace="run", limit=2).total_rows == 2
    # DuckDB takes a number however it is written.
    assert db.ask("top_kernels", trace="run", limit="1").total_rows == 2
    # An answer without a limit is all there is.
    assert db.ask("top_kernels", trace="run", limit=None).total_rows == 2
    assert db.ask("trace_summary").total_rows == 2


def test_notes_have_codes(db: traceql.Database) -> None:
    (note,) = db.ask("top_kernels").notes
    assert (note.code, str(note)) == (
        "not_recorded",
        "No kernels in ranges: recorded by nsys profile --trace=cuda; ncu.",
    )
    # ncu records kernels without a timeline.
    for question in ("kernel_drift", "cpu_bound_gaps", "waiting_gpu", "nvtx_kern_sum"):
        with pytest.raises(MissingDataError, match="holds no kernels") as lacking:
            db.ask(question, trace="ranges")
        assert lacking.value.remedy == "Recorded by: nsys profile --trace=cuda"
    notes = db.ask("step_summary", trace="ranges").notes
    assert notes[-1].code == "no_rows"
    assert notes[-1].text.startswith("No rows. ")


def _warming(early: int) -> Recording:
    """Steps of a launch each, of which the first ones are long."""
    made = Recording()
    for number in range(9):
        at = 1000 * number
        made.range("step", at, at + (900 if number < early else 100))
        made.call(LAUNCH, at, at + 5, kernel("k", at + 10, at + 20))
    return made


@pytest.mark.parametrize("question", ["launches_per_step", "step_work"])
def test_steps_that_are_left_out_as_warm_up_are_told_and_can_be_counted(question: str) -> None:
    with traceql.open(":memory:") as database:
        for trace, early in (("a", 1), ("b", 2), ("c", 0)):
            _warming(early).store(database, trace)
        told = {
            asked: [note.text for note in database.ask(question, trace=list(asked)).notes]
            for asked in (("a",), ("a", "b"), ("c",))
        }
        counted = database.ask(question, warm_up=True)
    assert [len(notes) for notes in told.values()] == [1, 1, 0]
    assert told[("a",)][0].startswith("Left out as warm-up: 1 step of a. Warm-up are the first steps")
    assert told[("a", "b")][0].startswith("Left out as warm-up: 3 steps of a, b.")
    assert not counted.notes
    assert counted.frame()["steps"].to_list() == [9, 9, 9]


def test_where_warm_up_alone_launches_kernels_it_is_said() -> None:
    made = Recording()
    for number in range(9):
        at = 1000 * number
        made.range("step", at, at + (900 if number == 0 else 100))
        made.call(LAUNCH, at, at + 5, *([kernel("k", at + 10, at + 20)] if number == 0 else []))
    answer = made.database().ask("step_work")
    assert len(answer) == 0
    assert "none but warm-up does (--warm-up true counts it)" in answer.notes[-1].text
    assert made.database().ask("step_work", warm_up=True).frame()["steps"].to_list() == [9]


def test_the_short_way_is_the_frame_alone(db: traceql.Database) -> None:
    assert db.query("top_kernels", trace="run").equals(db.ask("top_kernels", trace="run").frame())


def test_as_json_it_is_whole(db: traceql.Database) -> None:
    content = json.loads(db.ask("top_kernels", limit=1).to_json())
    assert list(content) == ["question", "parameters", "notes", "total_rows", "rows"]
    assert content["question"] == "top_kernels"
    given = {"trace": None, "kernel": "*", "names": "distinct", "limit": 1}
    assert content["parameters"] == {**NOWHERE, **given}
    assert [note["code"] for note in content["notes"]] == ["not_recorded"]
    assert (len(content["rows"]), content["total_rows"]) == (1, 2)
    assert content["rows"][0]["kernel"] == "gemm"


def test_its_chart_is_that_of_the_question(db: traceql.Database) -> None:
    drawn = db.ask("top_kernels", trace="run").chart().to_dict()
    assert drawn == db.chart("top_kernels", trace="run").to_dict()
    with pytest.raises(traceql.UnknownQueryError, match="has no chart"):
        db.ask("trace_summary").chart()


def test_a_notebook_shows_it_and_names_from_reports_stay_text(db: traceql.Database) -> None:
    shown = db.ask("top_kernels", limit=1)._repr_html_()
    assert "</b> (1 of 2 rows)</p>" in shown
    assert "recorded by nsys profile" in shown
    everything = db.ask("top_kernels")._repr_html_()
    assert "</b> (2 rows)</p>" in everything
    assert "&lt;script&gt;" in everything
    assert "<script>" not in everything
    assert "\x1b" not in everything


@pytest.mark.long
def test_several_threads_ask_at_once(db: traceql.Database) -> None:
    def total(_: int) -> int:
        return int(db.query("top_kernels", trace="run")["total_ns"].sum())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(total, range(32))) == {45}


def test_a_saved_answer_outlives_its_database() -> None:
    with traceql.open(":memory:") as database:
        Recording().call(LAUNCH, 0, 10, kernel("gemm", 10, 40)).store(database, "run")
        answer = database.ask("top_kernels")
    assert answer.frame().filter(pl.col("kernel") == "gemm")["total_ns"].to_list() == [30]


def test_views_that_questions_of_a_page_share_are_computed_once_and_for_its_traces(
    db: traceql.Database,
) -> None:
    Recording().call(LAUNCH, 0, 10, kernel("other", 10, 20)).store(db, "beside")
    once = Once(db._asker)
    of_page, about = once.store, ("run",)
    kinds = "SELECT table_type FROM information_schema.tables WHERE table_name = 'operations_in_order'"
    rows = "SELECT start_ns, busy_until_ns FROM operations_in_order ORDER BY start_ns"
    expected = [(10, None), (50, 40), (60, 60)]
    for statement in (rows, f"{rows}, 1"):
        found = of_page.run(statement, about=about)
        assert list(zip(*found.to_pydict().values(), strict=True)) == expected
    assert of_page.run(kinds, about=about).column(0).to_pylist() == ["LOCAL TEMPORARY"]
    # For others it is a view, and of all traces, if they say no others.
    assert db._asker.store.run(rows).num_rows == 4
    assert db._asker.store.run(rows, about=("beside",)).num_rows == 1
    assert db._asker.store.run(rows, about=about).num_rows == 3
    kept = [db._asker(name, trace="run").table for name in ("busy", "gpu_gaps", "launch_overhead")]
    assert kept == [once(name, trace="run").table for name in ("busy", "gpu_gaps", "launch_overhead")]


@pytest.mark.parametrize(
    "asked", ["SELECT full_name FROM kernels_categorised", "SELECT text FROM steps_of('other')"]
)
def test_patterns_are_looked_for_in_the_traces_that_are_asked_about(db: traceql.Database, asked: str) -> None:
    for name in ("other", "another"):
        Recording().range("other", 0, 50).call(LAUNCH, 0, 10, kernel("other", 10, 20)).store(db, name)
    Recording().work(kernel("third", 10, 20)).store(db, "third")
    told = {
        about: db._asker.store.run(f"{asked} ORDER BY ALL", about=about).column(0).to_pylist()
        for about in [(), ("other",), ("other", "another"), ("third",)]
    }
    by_range = "steps_of" in asked
    assert told["other",] == ["other"]
    assert told["other", "another"] == ["other"] * (1 + by_range)
    assert told["third",] == ([] if by_range else ["third"])
    assert set(told["other", "another"]) | set(told["third",]) <= set(told[()])


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is computed once, as it is computed."""
    names: list[str] = []
    compute = Definition.compute
    monkeypatch.setattr(
        Definition, "compute", lambda self, *given: names.append(self.name) or compute(self, *given)
    )
    return names


def test_what_a_page_has_computed_stays_where_a_select_has_the_word_replace(
    db: traceql.Database, computed: list[str]
) -> None:
    of_page = Once(db._asker).store
    for number in range(3):
        of_page.run(f"SELECT * REPLACE ({number} AS pid) FROM operations_in_order", about=("run",))
    assert computed == ["operations_in_order"]


def test_a_question_has_computed_once_what_it_reads_in_several_places_and_says_so(
    db: traceql.Database, computed: list[str]
) -> None:
    found = db.ask("copies_that_wait", trace="run")
    assert {"steady_steps", "gaps_of_start_up"} <= set(computed)
    assert len(computed) == len(set(computed))
    computed.clear()
    # About all traces it would be a table of all of them.
    assert db.ask("copies_that_wait").table.equals(found.table)
    db.ask("waiting_gpu", trace="run")
    assert computed == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Questions that are asked, each with the thread that computes it."""
    asked: list[tuple[str, int]] = []
    answer = Asker.answer

    def told(self: Asker, name: str, *rest: Any, **given: Any) -> Answer:
        asked.append((name, threading.get_ident()))
        return answer(self, name, *rest, **given)

    monkeypatch.setattr(Asker, "answer", told)
    return asked


def test_what_was_begun_in_another_thread_is_not_asked_again(
    db: traceql.Database, asked: list[tuple[str, int]]
) -> None:
    once = Once(db._asker)
    with ThreadPoolExecutor(1) as threads:
        for name, params in (("top_kernels", {"trace": "run"}), ("top_kernels", {"trace": "no"})):
            once.begin(threads, name, params)
        (other,) = {*threads.map(lambda _: threading.get_ident(), range(3))}
        found = once("top_kernels", trace=["run"])
        assert found is once("top_kernels", trace="run")
        # As whoever asks it now is told.
        with pytest.raises(QueryError, match="no"):
            once("top_kernels", trace="no")
        once.begin(threads, "small_kernels", {"trace": "run"}, plain=True)
        _ = [*threads.map(lambda _: None, range(3))]
        short = once.answer("small_kernels", {"trace": ["run"]}, plain=True)
    assert asked == [("top_kernels", other), ("top_kernels", other), ("small_kernels", other)]
    assert found.table == db.ask("top_kernels", trace="run").table
    assert short.table.to_pylist() == db.ask("small_kernels", trace="run").table.to_pylist()


def test_what_no_other_thread_has_begun_is_computed_by_who_asks_it(
    db: traceql.Database, asked: list[tuple[str, int]]
) -> None:
    once = Once(db._asker)
    busy = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(busy.wait)
        once.begin(threads, "top_kernels", {"trace": "run"})
        found = once("top_kernels", trace="run")
        busy.set()
    assert asked == [("top_kernels", threading.get_ident())]
    assert found.table == db.ask("top_kernels", trace="run").table


def test_of_what_a_page_has_asked_without_a_limit_it_shows_the_first_rows(
    db: traceql.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = Once(db._asker)
    whole = once("top_kernels", trace="run", limit=None)
    monkeypatch.setattr(Once, "answer", lambda *_: pytest.fail("asked again"))
    first = once("top_kernels", trace="run", limit=1)
    assert first.table == whole.table.slice(0, 1) == db.ask("top_kernels", trace="run", limit=1).table
    assert (first.parameters["limit"], first.total_rows) == (1, 1)


def test_a_page_asks_the_database_for_the_same_thing_once(
    db: traceql.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    run = db._asker.store.run
    monkeypatch.setattr(
        db._asker.store,
        "run",
        lambda statement, *rest, **given: asked.append(statement) or run(statement, *rest, **given),
    )
    once = Once(db._asker)
    answers = [once("top_kernels", trace="run", names=names) for names in ("short", "short", "full")]
    assert [answer.table.num_rows for answer in answers] == [2, 2, 2]
    assert answers[0].table.column("kernel").to_pylist()[0] == "gemm"
    assert asked.count("SELECT trace, tags FROM traces ORDER BY trace") == 1
    assert sum(answers[0].question.sql == statement for statement in asked) == 2
