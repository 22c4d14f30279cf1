"""Every question answers hand-made traces as a reader would: the whole answer, every column of every row."""

from __future__ import annotations

import mutate
import pytest
from made import case
from made.case import Case

from traceql.questions import catalog

CASES = case.load()


@pytest.mark.parametrize(
    ("question", "made"),
    [
        # Every question answers its first case in the short run, too.
        pytest.param(q, c, id=f"{q}: {c.name}", marks=[pytest.mark.long] if number else [])
        for q, cases in CASES.items()
        for number, c in enumerate(cases)
    ],
)
def test_the_whole_answer_is_the_expected_one(question: str, made: Case) -> None:
    with made.database() as database:
        assert case.differences(question, made, case.ask(database, question, made)) == []


def test_every_question_has_a_case_and_every_case_a_question() -> None:
    assert {name for name, cases in CASES.items() if cases} == set(catalog.shipped().queries)
    folders = {file.stem: file.parent.name for file in case.ANSWERS.glob("*/*.py")}
    assert folders == {query.name: query.topic for query in catalog.shipped().queries.values()}


@pytest.mark.long
def test_a_wrong_number_is_noticed_by_some_case() -> None:
    # An eighth of the questions; ``python tests/mutate.py`` asks all.
    questions = mutate.shard(CASES, 1, 8)
    assert {question: mutate.survivors(question, CASES[question]) for question in questions} == {
        question: [] for question in questions
    }
