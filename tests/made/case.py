"""A question, traces made by hand, and the whole answer that a reader can check in the head.

A module ``tests/ask/answers/<topic>/<question>.py`` defines ``CASES``::

    CASES = [
        Case(
            "two kernels of one name are one row",
            traces={"made": Recording().work(kernel("add", 0, 30), kernel("add", 50, 70))},
            params={"trace": "made"},
            expected=across(
                '''
                name  instances  total_ns  avg_ns
                add   2          50        25      # 30 + 20; 50/2
                '''
            ),
        )
    ]

Two blanks or more divide cells. ``NULL`` is no value and ``''`` the empty text; a number may be a sum (``30 + 20``) or
a fraction (``100/3``). What follows a ``#`` with two blanks before it, or at the start of a line, is a comment.
Ids (``kernel_id``, ``range_id`` …) are written as the row's number within its trace: 1, 2, 3 in recorded order; so
are those of a ``range_stack``.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from made.runs import Runs
from made.store import clear, empty
from traceql.ask import place
from traceql.questions import catalog
from traceql.questions.parameters import Value
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql import Database

ANSWERS = Path(__file__).parent.parent / "ask" / "answers"


class Made(Protocol):
    """What can be put into a database under a name: a recording, a report, a table of runs."""

    def store(self, database: Database, name: str) -> None: ...


@dataclass(frozen=True)
class Table:
    """Columns in order and rows of cells, as written; what a cell means depends on its column's type."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Case:
    """What is in the database, what is asked, and the whole answer; `name` says the rule that it shows.

    Tables of runs are stored before traces, each in the given order.
    """

    name: str
    expected: Table
    traces: Mapping[str, Made] = field(default_factory=dict)
    runs: Mapping[str, Made] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """A database in memory that holds what was made and nothing else; it is not to be changed."""
        yield _HELD.with_only(tuple({**self.runs, **self.traces}.items()))


class _Held:
    """One database for all cases, as making one takes longer than filling and asking it.

    What one case made stays for the next one that begins with the same: it is made anew only behind that.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[str, Made], ...] = ()

    def with_only(self, wanted: tuple[tuple[str, Made], ...]) -> Database:
        """The database, with that in it, stored in that order, and nothing else."""
        database = self._database
        same = len(list(itertools.takewhile(_is_same, zip(self._made, wanted, strict=False))))
        if same == 0 or any(isinstance(made, Runs) for _, made in self._made[same:]):
            same = 0
            clear(database)
        elif same < len(self._made):
            database.drop(*(name for name, _ in self._made[same:]))
        self._made = wanted[:same]
        for name, made in wanted[same:]:
            # Whatever fails, what is known to be there is.
            made.store(database, name)
            self._made = (*self._made, (name, made))
        return database

    @cached_property
    def _database(self) -> Database:
        return empty()


_HELD = _Held()


def _is_same(pair: tuple[tuple[str, Made], tuple[str, Made]]) -> bool:
    (name, made), (other_name, other) = pair
    return name == other_name and made is other


def across(text: str) -> Table:
    """An answer of few columns: their names in the first line, then one line per row."""
    columns, *rows = _cells(text)
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{len(row)} cells in {len(columns)} columns: {row}")
    return Table(tuple(columns), tuple(tuple(row) for row in rows))


def down(text: str) -> Table:
    """An answer of many columns: one line per column, with its name and then its value in every row."""
    lines = _cells(text)
    rows = zip(*(line[1:] for line in lines), strict=True)
    return Table(tuple(line[0] for line in lines), tuple(rows))


def _cells(text: str) -> list[list[str]]:
    lines = [re.sub(r"(^|\s\s)#.*", "", line.strip()).strip() for line in text.splitlines()]
    return [re.split(r"\s{2,}", line) for line in lines if line]


def load() -> dict[str, list[Case]]:
    """Question → its cases, of every module under tests/ask/answers/."""
    found: dict[str, list[Case]] = {}
    for file in sorted(ANSWERS.glob("*/*.py")):
        found[file.stem] = importlib.import_module(f"ask.answers.{file.parent.name}.{file.stem}").CASES
    return found


# --- comparing ------------------------------------------------------------------------------------------


def ask(database: Database, question: str, case: Case) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the answer to the case; notes on missing data are another test's business."""
    answer = database.ask(question, **case.params).table
    return answer.column_names, _rows(answer)


def ask_sql(database: Database, sql: str, question: str, case: Case) -> tuple[list[str], list[list[Any]]]:
    """As `ask`, with other SQL in place of the question's."""
    query, run = catalog.shipped().find(question), database._store.run
    at = place.of(run, query, place.named(run, query, query.bind(dict(case.params))))
    answer = run(sql, at.values, narrowed=at.narrowed)
    return answer.column_names, _rows(answer)


def _rows(answer: Any) -> list[list[Any]]:
    return [list(row) for row in zip(*(column.to_pylist() for column in answer.columns), strict=True)]


class Difference(NamedTuple):
    """Where an answer is not the expected one; row 0 and no column stand for the whole answer."""

    row: int
    column: str
    found: str
    expected: str


def differences(question: str, case: Case, answer: tuple[list[str], list[list[Any]]]) -> list[Difference]:
    """Every cell that is not the expected one; empty when all is equal."""
    columns, rows = answer
    if tuple(columns) != case.expected.columns:
        return [Difference(0, "", f"columns {columns}", f"{list(case.expected.columns)}")]
    rows = with_row_numbers(columns, rows)
    types = [column.type for column in catalog.shipped().find(question).columns]
    if len(rows) != len(case.expected.rows):
        return [Difference(0, "", f"{len(rows)} rows: {rows}", f"{len(case.expected.rows)} rows")]
    return [
        Difference(number, column, _text(value), cell)
        for number, (row, cells) in enumerate(zip(rows, case.expected.rows, strict=True), start=1)
        for column, kind, value, cell in zip(columns, types, row, cells, strict=True)
        if not _equal(value, cell, kind)
    ]


def is_numeric(kind: str) -> bool:
    """Whether a column of that DuckDB type holds numbers."""
    return kind in ("BIGINT", "INTEGER", "DOUBLE", "HUGEINT", "UBIGINT", "FLOAT", "SMALLINT", "TINYINT")


def _equal(value: Any, cell: str, kind: str) -> bool:
    if cell == "NULL" or value is None:
        return cell == "NULL" and value is None
    if is_numeric(kind):
        return math.isclose(value, _number(cell), rel_tol=1e-9 if kind in ("DOUBLE", "FLOAT") else 0)
    return _text(value) == ("" if cell == "''" else cell)


def _number(cell: str) -> float:
    try:
        return eval(cell, {"__builtins__": {}, "sqrt": math.sqrt, "inf": math.inf})  # type: ignore[no-any-return]
    except (SyntaxError, NameError, TypeError) as error:
        raise ValueError(f"{cell!r} is no number") from error


def _text(value: Any) -> str:
    """A value as a case writes it: lists as [a, b], maps as {a: b}, times as 2024-12-31 23:59:59."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value) + "}"
        return "[" + ", ".join(_text(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- ids ------------------------------------------------------------------------------------------------

# An id is the number of its trace times 2^32 plus the row's number in it.
_ROWS = 2**32 - 1
_IDS = {table.columns[0].name for table in schema.TABLES if table.of_trace} - {"trace_id"}
_IDS |= {"parent_id", "profiled_kernel_id", "operation_id", "slowest_range_id", "usual_range_id"}


def with_row_numbers(columns: Sequence[str], rows: list[list[Any]]) -> list[list[Any]]:
    """The rows with every id replaced by the number of its row within its trace; a stack holds several."""

    def number(column: str, value: Any) -> Any:
        if value is None or column not in {*_IDS, "range_stack"}:
            return value
        if column == "range_stack":
            return re.sub(r"\d+", lambda match: str(int(match[0]) & _ROWS), value)
        return value & _ROWS

    return [[number(column, value) for column, value in zip(columns, row, strict=True)] for row in rows]
