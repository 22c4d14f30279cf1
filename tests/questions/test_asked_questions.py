"""A question that asks others has their SQL in front of its own, and their rows in no order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from traceql.questions import asking, catalog


def asked(sql: str) -> str:
    """What ``slowing_kernels`` is made of when the question that it asks has that SQL."""
    found = catalog.shipped().queries
    (one,) = found["slowing_kernels"].asks
    others = {**found, one.question: replace(found[one.question], sql=sql)}
    own = replace(found["slowing_kernels"], sql="SELECT 1")
    return asking.whole(own, others).sql


@pytest.mark.parametrize("end", ["ORDER BY a", "ORDER BY a, least(b, c) DESC,\n    d NULLS LAST"])
def test_the_order_of_an_asked_question_is_left_out(end: str) -> None:
    assert asked(f"SELECT a FROM t\n{end}") == asked("SELECT a FROM t")


@pytest.mark.parametrize(
    "end",
    [
        "ORDER BY a LIMIT 5",
        "ORDER BY a\nOFFSET 5",
        # Of the first part of two, or of a part in parentheses.
        "ORDER BY a)",
        "ORDER BY a\nUNION ALL\nSELECT b FROM u",
    ],
)
def test_an_order_on_which_more_hangs_is_kept(end: str) -> None:
    assert end in asked(f"SELECT a FROM t\n{end}")
