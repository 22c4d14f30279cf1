"""The question event_waits, on random recordings, against counting what each stream was given call by call."""

from __future__ import annotations

from random import Random

import pytest
from made.store import empty

from oracle import events

NUMBER = 40


@pytest.mark.parametrize(
    ("is_numbered", "is_told"),
    [
        pytest.param(False, False, id="before nsys 2025", marks=pytest.mark.long),
        pytest.param(True, False, id="with numbers of records"),
        pytest.param(True, True, id="with times of completion", marks=pytest.mark.long),
    ],
)
def test_waits_are_those_that_the_calls_tell_one_by_one(is_numbered: bool, is_told: bool) -> None:
    random = Random(f"{is_numbered} {is_told}")
    hosts = {f"t{number}": events.drawn(random, is_told=is_told) for number in range(NUMBER)}
    with empty() as database:
        for name, made in hosts.items():
            events.recording(made, is_numbered=is_numbered).store(database, name)
        rows = database.query("event_waits", limit=None).to_dicts()
        first = database.query("event_waits", limit=2).to_dicts()
    compared = 0
    for name, made in hosts.items():
        found = [row for row in rows if row["trace"] == name]
        held = [(row["held_ns"] is None, -(row["held_ns"] or 0), row["sync_id"]) for row in found]
        assert held == sorted(held)
        assert [row for row in first if row["trace"] == name] == found[:2]
        in_order = sorted(found, key=lambda row: row["sync_id"])
        wanted = events.waits(made)
        told = [{column: row[column] for column in one} for row, one in zip(in_order, wanted, strict=True)]
        assert sorted(told, key=str) == sorted(wanted, key=str), name
        compared += len(wanted)
    assert compared > 5 * NUMBER
