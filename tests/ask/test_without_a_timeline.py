"""What is asked of times where a report has counters alone."""

from __future__ import annotations

import pytest
from made import store
from made.ncu import Profile

from traceql.errors import MissingDataError
from traceql.questions import catalog

TIMED = sorted(name for name, query in catalog.shipped().queries.items() if "timeline" in query.needs)


@pytest.mark.parametrize("name", TIMED)
def test_nothing_is_said_about_times_that_were_not_recorded(name: str) -> None:
    db = store.empty()
    Profile().kernel("x", ns=10, dram_read=1).store(db, "counters")
    with pytest.raises(
        MissingDataError, match=f"the database has counters but no timeline, which {name} reads"
    ):
        db.query(name)
    with pytest.raises(MissingDataError, match="trace 'counters' has counters but no timeline") as refused:
        db.query(name, trace="counters")
    assert refused.value.remedy == "Recorded by: nsys profile --trace=cuda,nvtx"


def test_several_traces_that_lack_something_are_named_in_a_sentence() -> None:
    db = store.empty()
    names = [f"t{number}" for number in range(6)]
    for name in names:
        Profile().kernel("x", ns=10, dram_read=1).store(db, name)
    lacks = "have counters but no timeline, which gpu_gaps reads"
    with pytest.raises(MissingDataError, match=f"^traces 't0' and 't1' {lacks}\n"):
        db.query("gpu_gaps", trace=names[:2])
    with pytest.raises(MissingDataError, match=f"^traces 't0', 't1', 't2' and 3 more {lacks}\n"):
        db.query("gpu_gaps", trace=names)


@pytest.mark.long
def test_no_question_answers_counters_with_no_rows_and_no_word() -> None:
    db = store.empty()
    Profile().kernel("x", ns=10, dram_read=1).store(db, "counters")
    silent = []
    for name, query in catalog.shipped().queries.items():
        if any(param.required for param in query.params):
            continue
        try:
            answer = db.ask(name)
        except MissingDataError:
            continue
        if answer.table.num_rows == 0 and not answer.notes:
            silent.append(name)
    assert silent == []
