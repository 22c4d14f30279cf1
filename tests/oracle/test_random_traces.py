"""Every question about a timeline, on random traces, against counting their events one by one.

A long run: ``python tests/random_traces.py --help``.
"""

from __future__ import annotations

import pytest

from oracle.asking import ORACLES, PAIRED, Asked, drawn, explained, in_places
from traceql.questions import catalog

TRACES = 14
#: Questions of a timeline that no oracle answers → why.
WITHOUT: dict[str, str] = {}


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked(drawn(TRACES, 1))


def test_every_question_of_a_timeline_has_an_oracle() -> None:
    timelines = {
        query.name
        for query in catalog.shipped().queries.values()
        if any(param.name == "within" for param in query.params)
    }
    assert {oracle.question for oracle in ORACLES} | {PAIRED} == timelines - WITHOUT.keys()


@pytest.mark.parametrize("oracle", ORACLES, ids=str)
def test_an_answer_is_what_counting_the_events_one_by_one_gives(asked: Asked, oracle: object) -> None:
    compared = asked.compare(oracle, in_window=False)
    # A question that has nothing to say about any of them would be no test.
    assert compared.rows > 0
    assert not compared.wrong, explained(oracle, asked.traces[compared.wrong[0][0]], in_window=False)


@pytest.mark.parametrize(
    "oracle", {one.question: one for one in reversed(ORACLES) if True in in_places(one)}.values(), ids=str
)
def test_so_it_is_of_what_lies_in_a_window(asked: Asked, oracle: object) -> None:
    compared = asked.compare(oracle, in_window=True)
    assert not compared.wrong, explained(oracle, asked.traces[compared.wrong[0][0]], in_window=True)


@pytest.mark.parametrize("in_window", [False, True])
def test_what_differs_between_two_traces_is_what_differs_between_their_own_numbers(
    asked: Asked, in_window: bool
) -> None:
    compared = asked.compare_pairs(in_window=in_window)
    assert compared.rows > 0
    assert not compared.wrong, compared.wrong[0]
