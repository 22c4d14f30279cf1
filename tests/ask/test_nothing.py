"""An answer without rows says what has no such name, and what lies in no such time."""

from __future__ import annotations

from typing import Any

import pytest
from made.ncu import Profile
from made.nsys import Recording, kernel
from made.store import empty
from shipped import REPORTS, notes

from traceql import Database
from traceql.errors import TraceqlError
from traceql.questions import catalog

LAUNCH = "cudaLaunchKernel_v7000"
QUESTIONS = catalog.shipped().queries


@pytest.fixture
def both() -> Database:
    """A timeline of 100 ns and a report by ncu, of one kernel in one range."""
    database = empty()
    recording = Recording().duration(100).range("layer", 0, 30)
    recording.call(LAUNCH, 5, 6, kernel("rms_norm", 10, 30), kernel("rms_norm", 40, 50)).store(
        database, "line"
    )
    counters = Profile().kernel("rms_norm", "layer", ns=10, dram_read=1, dram_write=1)
    counters.store(database, "counters")
    return database


def test_a_kernel_that_nothing_is_called_has_the_nearest_names_beside_it(both: Database) -> None:
    assert notes(both.ask("top_kernels", kernel="rms_nrom")).splitlines() == [
        "No kernel is called 'rms_nrom'. The nearest: rms_norm."
    ]
    assert "No kernel in line is like 'norm_*'. The nearest: rms_norm." in notes(
        both.ask("top_kernels", trace="line", kernel="norm_*")
    )
    assert "There is, for example: rms_norm." in notes(both.ask("top_kernels", kernel="zzz"))


def test_what_is_there_is_not_said_to_be_missing(both: Database) -> None:
    assert "No kernel" not in notes(both.ask("top_kernels", kernel="rms_norm"))
    # It is there, but not then.
    assert notes(both.ask("top_kernels", trace="line", kernel="rms_norm", from_=60, to=70)) == (
        "No rows: nothing of what it is about lies within --from 60 ns and --to 70 ns."
    )


@pytest.mark.long
def test_a_time_beyond_the_recording_is_told_with_its_length(both: Database) -> None:
    told = "The time lies outside of what was recorded: line lasts 100 ns."
    assert notes(both.ask("top_kernels", trace="line", from_="10s")) == told
    assert told in notes(both.ask("busy", from_=101))
    assert told not in notes(both.ask("busy", from_=100))
    assert told in notes(both.ask("busy", to=0))
    assert told not in notes(both.ask("busy", to=1))


#: Question → what else it has to be asked with.
ASKED: dict[str, dict[str, Any]] = {
    "moved_with": {"baseline": ["counters"], "variant": ["counters"]},
    "scv_delta": {"baseline": "line", "variant": "line"},
    "metric_pairs": {"x": "dram__bytes_read.sum", "y": "dram__bytes_write.sum"},
}
NAMED = [
    (question.name, param.name)
    for question in QUESTIONS.values()
    for param in question.params
    if param.name in ("kernel", "range", "step", "path") and param.type == "VARCHAR"
]


@pytest.mark.long
@pytest.mark.parametrize(("question", "param"), NAMED)
def test_so_it_is_for_every_question_that_takes_a_name(both: Database, question: str, param: str) -> None:
    try:
        answer = both.ask(question, **{**ASKED.get(question, {}), param: "nosuch"})
    except TraceqlError as error:
        # It needs what neither of them holds.
        assert error.remedy
        return
    if len(answer) == 0:
        assert "is called 'nosuch'" in notes(answer)


TIMED = [question.name for question in QUESTIONS.values() if any(p.name == "from" for p in question.params)]


@pytest.mark.long
@pytest.mark.parametrize("question", TIMED)
def test_so_it_is_for_every_question_that_takes_a_time(both: Database, question: str) -> None:
    required = {p.name: "rms_norm" for p in QUESTIONS[question].params if p.required}
    sides = {name: ["line"] for name in ("baseline", "variant") if name in required}
    try:
        answer = both.ask(question, **{**required, **sides, "from_": "10s"})
    except TraceqlError as error:
        assert error.remedy
        return
    assert "line lasts 100 ns" in notes(answer)


@pytest.mark.long
def test_a_filter_that_nothing_is_like_is_said_with_what_there_is() -> None:
    database = empty()
    pipe = "sm__inst_executed_pipe_{}.avg.pct_of_peak_sustained_active"
    metrics = {
        pipe.format("lsu"): 20.0,
        pipe.format("fma"): 10.0,
        "lts__t_requests.sum": 4,
        "lts__t_sectors.sum": 8,
    }
    Profile().kernel("k", ns=10, metrics=metrics).store(database, "counters")
    asked = database.ask("pipes", pipe="nosuch", limit=1)
    assert [note.text for note in asked.notes if note.code == "no_rows"] == [
        "No pipe here is called 'nosuch'. There are: fma, lsu."
    ]
    assert asked.frame()["pipe"].to_list() == [None]
    assert "No pipe here is like 'x*'. There are: fma, lsu." in notes(database.ask("pipes", pipe="x*"))
    assert "No level here is called 'L3'. There is: L2." in notes(database.ask("memory_tables", level="L3"))
    # In capitals or small letters.
    assert database.ask("memory_tables", level="l2").frame()["level"].to_list() == ["L2"]
    assert "No pipe" not in notes(database.ask("pipes", pipe="LSU"))


@pytest.mark.long
def test_the_label_of_a_metric_is_taken_but_its_name_is_offered() -> None:
    with Database(":memory:") as database:
        database.ingest(REPORTS / "kinds_basic.ncu-rep.xz")
        label = "Waves Per SM"
        metric = "launch__waves_per_multiprocessor"
        assert set(database.ask("metric", metric=label).frame()["metric"]) == {metric}
        assert "No metric" not in notes(database.ask("metric", metric=label, kernel="nosuch"))
        said = notes(database.ask("metric", metric="Waves"))
        assert label not in said and metric in said


@pytest.mark.long
def test_a_number_above_that_of_the_last_launch_is_told_how_many_there_are(both: Database) -> None:
    said = notes(both.ask("ncu_command", trace="line", launch=99))
    assert "There is no launch 99: they are numbered from 1, 2 in line." in said
    assert "There is no launch" not in notes(both.ask("ncu_command", trace="line", launch=2))
