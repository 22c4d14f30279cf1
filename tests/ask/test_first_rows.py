"""Of events no more rows are fetched than are wanted, and the others are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traceql import Database


def test_first_rows_are_those_of_the_whole_answer_and_all_are_counted(corpus: Database) -> None:
    whole = corpus.ask("cuda_api_trace")
    first = corpus._asker.answer("cuda_api_trace", {}, first=3)
    assert first.table.to_pylist() == whole.table.to_pylist()[:3]
    assert first.total_rows == len(whole) > 3


def test_a_question_whose_rows_are_no_events_is_answered_whole(corpus: Database) -> None:
    whole = corpus.ask("cuda_gpu_sum")
    first = corpus._asker.answer("cuda_gpu_sum", {}, first=1)
    assert len(first) == first.total_rows == len(whole) > 1
