"""Whether an answer has so many rows because of numbers in the texts of ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from traceql.ask.gaps import Note

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from traceql.questions.parameters import Value

# Nobody reads more rows, and so many texts nobody writes; so many of them are looked at.
_MANY = 1_000


class Run(Protocol):
    """`store.connection.Store.run`."""

    def __call__(self, statement: str, params: Mapping[str, Value], /) -> pa.Table:
        """The answer to a statement."""


def notes(run: Run, bound: Mapping[str, Value], table: pa.Table, total: int) -> list[Note]:
    """How ranges are put together that differ in numbers alone, where most rows are of such.

    Args:
        run: the database.
        bound: values of all parameters of the question; without ``exact`` it does not group ranges by text.
        table: the answer.
        total: how many rows there are without the question's limit.
    """
    if bound.get("exact") is not True or total < _MANY:
        return []
    texts = [text for text in table.column("range").to_pylist()[:_MANY] if text is not None]
    (of_most,) = (
        run(
            "SELECT 2 * count_if(text_pattern(text) <> text) > count(*) FROM (SELECT unnest($texts) AS text)",
            {"texts": texts},
        )
        .column(0)
        .to_pylist()
    )
    if not of_most:
        return []
    said = f"{total:,} rows, most of them of ranges with numbers in their texts, as PyTorch's operators have"
    return [Note("remark", f"{said}: --exact false puts together what differs in numbers alone.")]
