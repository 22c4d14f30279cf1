"""All that is known about one kernel, in one table: its card.

Which questions stand on it is said by their headers (``@card``): each is asked about the kernel, and every
column of its rows is an item of the card. A question of the user's own takes part as one that comes with
traceql.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traceql.ask import gaps, place
from traceql.errors import MissingDataError, QueryError
from traceql.present import units
from traceql.present.values import listed
from traceql.questions.question import KERNEL_COLUMNS
from traceql.store.named import meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from traceql.ask.answer import Answer, Asker
    from traceql.questions.question import Card, Query

# Columns that say whose row it is. How many launches there are, and their time, is said once.
_SAID = ("trace", "kernel_id", "kernels", "gpu_ns", "lacks")
# Rows of a part of a short card: warp states, levels of memory.
_FIRST = 3
# Notes on what some trace lacks.
_LACKING = ("not_recorded", "not_stored")


@dataclass(frozen=True)
class Item:
    """One thing that is known about a kernel.

    Attributes:
        trace: name of the trace.
        kernel: name of the kernel.
        section: part of the card.
        about: what of it this is about: a warp state, a level of memory; empty for the kernel itself.
        column: of the answer that it stands in.
        title: how people call that column.
        value: a number, in `unit`; None for a text, or if it is not known.
        text: a text; None for a number.
        unit: ns, B, % …; None for a count.
        note: what to know about it: what a state means, what the report lacks; None for nothing.
        first: whether it is one of those to know first.
    """

    trace: str
    kernel: str
    section: str
    about: str
    column: str
    title: str
    value: float | None
    text: str | None
    unit: str | None
    note: str | None
    first: bool

    @property
    def item(self) -> str:
        """What it is, in one text."""
        return f"{self.about}: {self.title}" if self.about else self.title


def questions(ask: Asker) -> list[tuple[Query, Card]]:
    """What stands on a card, in its order."""
    found = [(query, query.card) for query in ask.catalog.queries.values() if query.card is not None]
    return sorted(found, key=lambda one: (one[1].order, one[0].name))


def items(
    ask: Asker, kernel: str, traces: Sequence[str] = (), names: str = "distinct"
) -> tuple[list[Item], list[str]]:
    """What is known about a kernel, trace by trace in the order of the card; and what could not be told.

    Args:
        ask: the database.
        kernel: name, or a pattern of names.
        traces: names, patterns or tags; none for all.
        names: how kernels are called: short, full or distinct.

    Raises:
        QueryError: there is no such kernel, or no such trace.
    """
    found: list[Item] = []
    nearest = ""
    for query, card in questions(ask):
        given = {"kernel": kernel, "names": names, "trace": list(traces) or None}
        known = {param.name for param in query.params}
        asked = {name: value for name, value in given.items() if name in known and value is not None}
        try:
            answer = ask(query.name, **{**card.params, **asked})
        except MissingDataError:
            continue
        found += of_answer(answer, card)
        nearest = nearest or next((note.text for note in answer.notes if note.code == "no_rows"), "")
    if not found:
        where = f" in {', '.join(traces)}" if traces else ""
        raise QueryError(
            f"no kernel is called {kernel!r}{where}",
            # The note's first sentence says the same.
            nearest.partition(f"{kernel!r}. ")[2] or "Which there are: traceql query top-kernels",
        )
    order = {
        key: number for number, key in enumerate(dict.fromkeys((one.trace, one.kernel) for one in found))
    }
    having = sorted({one.trace for one in found})
    there = place.traces(ask.store.run)
    without = [name for word in traces for name in meant(there, word) if name not in having]
    notes = [f"No kernel in {listed(without)} is called {kernel!r}."] if without else []
    return sorted(found, key=lambda one: (one.trace, order[one.trace, one.kernel])), [
        *notes,
        *_lacking(ask, having),
    ]


def _lacking(ask: Asker, traces: Sequence[str]) -> Iterator[str]:
    """What some of the traces that have the kernel, or all of them, lack for parts of its card."""
    for query, card in questions(ask):
        try:
            told = gaps.notes(ask.store.run, ask.catalog, query, {"trace": [*traces]})
        except MissingDataError as error:
            yield f"{card.title}: {error.message}. {error.remedy}"
        else:
            yield from (f"{card.title}: {note.text}" for note in told if note.code in _LACKING)


#: Of the table of items.
COLUMNS = ("trace", "kernel", "section", "item", "value", "text", "unit", "note")


def table(found: Sequence[Item]) -> pa.Table:
    """Items as a table: trace, kernel, section, item, value, text, unit, note."""
    import pyarrow as pa

    texts = ("trace", "kernel", "section", "item", "text", "unit", "note")
    kinds = {name: pa.string() for name in texts} | {"value": pa.float64()}
    return pa.table({name: pa.array([getattr(one, name) for one in found], kinds[name]) for name in COLUMNS})


def of_answer(answer: Answer, card: Card) -> Iterator[Item]:
    """The rows of an answer as items of the cards of their kernels."""
    query = answer.question
    kernel = next(column.name for column in query.columns if column.name in KERNEL_COLUMNS)
    rows = answer.table.to_pylist()
    met: Counter[tuple[str, str]] = Counter()
    with units.named(query.titles):
        for row in rows:
            key = (row["trace"], str(row[kernel]))
            met[key] += 1
            if card.most is None or met[key] <= card.most:
                yield from _of_row(row, query, card, key, is_first=met[key] <= _FIRST)


def _of_row(
    row: dict[str, Any], query: Query, card: Card, key: tuple[str, str], *, is_first: bool
) -> Iterator[Item]:
    about = " ".join(str(row[name]) for name in card.of if row[name])
    beside = {*_SAID, *KERNEL_COLUMNS, *card.of, card.note}
    # Of a table not every column is about every row; of a single row whatever is missing was not recorded.
    shown = [
        column.name
        for column in query.columns
        if column.name not in beside and (row[column.name] is not None or not card.of)
    ]
    lacks = row.get("lacks")
    note = row[card.note] if card.note else None
    first = [name for name in card.first if name in shown] or shown
    for name in shown:
        value = row[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        yield Item(
            *key,
            card.title,
            about,
            name,
            units.title(name),
            value=float(value) if is_number else None,
            text=None if value is None or is_number else str(value),
            unit=_unit(name),
            note=lacks if value is None else note if name == first[0] else None,
            first=is_first and name in first,
        )
    if lacks and all(row[name] is not None for name in shown):
        yield Item(
            *key, card.title, "", "lacks", "Lacks", value=None, text=lacks, unit=None, note=None, first=True
        )


def _unit(column: str) -> str | None:
    """The unit that a column's name says."""
    unit = units.scale(column, ())[1] if units.suffix(column) else ""
    return unit or None
