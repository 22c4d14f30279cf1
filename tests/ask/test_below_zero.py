"""Metrics of GPUs may have values that no GPU can have, as nsys recorded and exported them: an answer says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.nsys import Recording
from shipped import notes

if TYPE_CHECKING:
    from traceql import Database


WARPS, ACTIVE = "Compute Warps in Flight [Avg]", "SMs Active [Throughput %]"
SAID = "Compute Warps in Flight: values below 0 are as nsys recorded them. They are no amounts, nor is their mean."
QUESTIONS = ("counters_over_time", "gpu_metric_util_sum", "gpu_metrics_in_ranges")


def recorded(value: int) -> Database:
    return (
        Recording()
        .duration(100)
        .gpu(0, "NVIDIA H100", cuda=0)
        .range("step", 0, 90)
        .launch(5, 8, (10, 80))
        .sample(WARPS, 20, value)
        .sample(ACTIVE, 20, 40)
        # What NVTX counts may be anything.
        .counter("balance", 30, -3.0)
        .database("a")
    )


def test_values_below_zero_are_said_to_be_as_they_were_recorded() -> None:
    database = recorded(-128)
    for question in QUESTIONS:
        assert SAID in notes(database.ask(question, trace="a")), question


def test_of_others_nothing_is_said() -> None:
    database = recorded(0)
    for question in QUESTIONS:
        answer = database.ask(question, trace="a")
        assert answer.total_rows and "below 0" not in notes(answer), question
