"""An answer without rows says what has no such name, and what lies in no such time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from made.ncu import Profile
from made.nsys import Recording, kernel
from made.store import empty
from shipped import notes

from traceql.errors import TraceqlError
from traceql.questions import catalog

if TYPE_CHECKING:
    from traceql import Database

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
        "No rows: nothing of what it is about lies within --from and --to."
    )


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
