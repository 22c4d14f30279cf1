"""What is no number is NULL: no answer about a shipped recording holds NaN or an infinite number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from shipped import EVERY_FINDING

from traceql.errors import MissingDataError
from traceql.questions import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database

#: Once told that a single step grows by NaN per cent; and the plainest one.
SHORT = {"uneven_steps", "top_kernels"}
QUESTIONS = [
    pytest.param(query.name, marks=[] if query.name in SHORT else [pytest.mark.long])
    for query in catalog.shipped().queries.values()
    if not any(param.required for param in query.params)
]


def numbers(column: pa.Array) -> Iterator[pa.Array]:
    """The floating-point numbers of a column, and of lists, maps and structs in it."""
    if pa.types.is_floating(column.type):
        yield column
    elif pa.types.is_map(column.type):
        yield from numbers(column.items)
    elif pa.types.is_list(column.type):
        yield from numbers(column.flatten())
    elif pa.types.is_struct(column.type):
        for part in column.flatten():
            yield from numbers(part)


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_holds_numbers_or_null(corpus: Database, question: str) -> None:
    try:
        answer = corpus.ask(question, **EVERY_FINDING.get(question, {})).table
    except MissingDataError:
        # No report of the corpus has it, such as stacks of launches.
        return
    wrong = [
        name
        for name, column in zip(answer.column_names, answer.columns, strict=True)
        if not all(
            pc.all(pc.is_finite(part), min_count=0).as_py() for part in numbers(column.combine_chunks())
        )
    ]
    assert wrong == []
