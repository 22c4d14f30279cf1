"""The question effects, on random recordings of one program, against matching launch by launch and scipy."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import pytest
from made.store import empty

from oracle import effects

if TYPE_CHECKING:
    from oracle.arithmetic import Row

#: (traces before, traces after) → how sure the effect is.
SIDES = {(1, 1): "blocks", (1, 2): "blocks", (2, 3): "welch", (3, 1): "student", (1, 4): "student"}


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str([row[name] for name in ("topic", "path", "name", "measure")]))


def differing(found: Row, wanted: Row) -> Row:
    """Column → what is found, and what is wanted; the quantile of t is known to 2e-10 of it."""
    return {
        name: (found[name], value)
        for name, value in wanted.items()
        if not (
            math.isclose(found[name], value, rel_tol=1e-7, abs_tol=1e-7)
            if isinstance(value, float) and found[name] is not None
            else found[name] == value
        )
    }


@pytest.mark.parametrize(
    "sides",
    [pytest.param(one, marks=[pytest.mark.long] if number else []) for number, one in enumerate(SIDES)],
    ids=str,
)
def test_effects_are_those_of_launches_matched_one_by_one(sides: tuple[int, int]) -> None:
    random = Random(str(sides))
    compared = 0
    for number in range(4):
        traces = effects.drawn(random, sum(sides))
        names = [f"t{place}" for place in range(sum(sides))]
        topic = ("*", *effects.TOPICS)[number % 7]
        with empty() as database:
            for name, made in zip(names, traces, strict=True):
                made.recording().store(database, name)
            asked = {"baseline": names[: sides[0]], "variant": names[sides[0] :], "topic": topic}
            found = in_order(database.query("effects", **asked).to_dicts())
        wanted = in_order(effects.effects(traces[: sides[0]], traces[sides[0] :], topic))
        assert len(found) == len(wanted)
        for row, one in zip(found, wanted, strict=True):
            assert row.keys() == one.keys() and not differing(row, one), one
            assert row["method"] == SIDES[sides]
        compared += sum(row["matched"] > 0 for row in wanted)
    assert compared > 8
