"""Every question about a timeline, on random traces, against counting their events one by one.

A long run: ``python tests/random_traces.py --help``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oracle.asking import EVERYWHERE, ORACLES, PAIRED, PLACES, Asked, drawn, explained, places
from traceql.questions import catalog
from traceql.questions.parameters import PLACES as PARAMS

if TYPE_CHECKING:
    from oracle.asked import Oracle

TRACES = 20
PLACES_IN_TIME = PARAMS["times"]
#: Questions of a timeline that no oracle answers → why.
WITHOUT = {
    "event_waits": "random traces record no events: see test_random_events.py",
    "effects": "it compares traces of one program: see test_random_effects.py",
}
#: Questions that are about no stretch of time, and have one nevertheless.
OTHERS = {"memory_alive"}


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked(drawn(TRACES, 1))


def test_every_question_of_a_timeline_has_an_oracle() -> None:
    timelines = {
        query.name
        for query in catalog.shipped().queries.values()
        if any(param in PLACES_IN_TIME for param in query.params)
    }
    assert {oracle.question for oracle in ORACLES} | {PAIRED} == (timelines - WITHOUT.keys()) | OTHERS


FIRST = {oracle.question: oracle for oracle in reversed(ORACLES)}


# Every question is asked once in the short run, too, whatever its parameters.
@pytest.mark.parametrize(
    "oracle",
    [pytest.param(one, marks=[] if one is FIRST[one.question] else [pytest.mark.long]) for one in ORACLES],
    ids=str,
)
def test_an_answer_is_what_counting_the_events_one_by_one_gives(asked: Asked, oracle: Oracle) -> None:
    compared = asked.compare(oracle)
    # A question that has nothing to say about any of them would be no test.
    assert compared.rows > 0
    assert not compared.wrong, explained(oracle, asked.traces[compared.wrong[0][0]], EVERYWHERE)


NARROWED = [(oracle, place) for oracle in FIRST.values() for place in places(oracle) if place != EVERYWHERE]


@pytest.mark.long
@pytest.mark.parametrize(("oracle", "place"), NARROWED, ids=str)
def test_so_it_is_of_what_lies_in_a_window_or_a_range(asked: Asked, oracle: Oracle, place: str) -> None:
    compared = asked.compare(oracle, place)
    assert not compared.wrong, explained(oracle, asked.traces[compared.wrong[0][0]], place)


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
def test_what_differs_between_two_traces_is_what_differs_between_their_own_numbers(
    asked: Asked, place: str
) -> None:
    compared = asked.compare_pairs(place, most=2)
    assert compared.rows > 0
    assert not compared.wrong, compared.wrong[0]
