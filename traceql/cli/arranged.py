"""Rows in the order that is asked for, and no more than that."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from traceql.cli.common import note
from traceql.cli.output import column_called, keep_in_sight, offered_columns
from traceql.errors import QueryError
from traceql.present.values import in_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from traceql.cli.common import F
    from traceql.cli.output import Columns

SORT_HELP = (
    "By this column: largest numbers first, texts from A to Z; COLUMN:asc and COLUMN:desc say otherwise. "
    "Of all rows, whatever --limit leaves."
)


@contextmanager
def or_null() -> Iterator[None]:
    """Refuse what is no value with the word that is one, too."""
    try:
        yield
    except click.BadParameter as error:
        message = f"{error.message.rstrip('.')}, nor NULL."
        raise click.BadParameter(message, error.ctx, error.param) from None


class Rows(click.ParamType):  # type: ignore[type-arg]
    """A number of rows, or NULL for all."""

    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """None for NULL; else a number from 0 on."""
        if isinstance(value, str) and value.upper() == "NULL":
            return None
        with or_null():
            return click.IntRange(min=0).convert(value, param, ctx)


def sort_option(columns: Columns) -> Callable[[F], F]:
    """The ``--sort`` option of what has these columns."""
    return click.option(
        "--sort", metavar="COLUMN[:asc|:desc]", help=SORT_HELP, shell_complete=offered_columns(columns)
    )


def limit_option() -> Callable[[F], F]:
    """The ``--limit`` option of what has no limit of its own."""
    return click.option(
        "--limit", type=Rows(), metavar="ROWS", help="Most rows; NULL for all, which is the default."
    )


def sort_column(sort: str, names: Sequence[str]) -> tuple[str, str]:
    """The column that ``--sort`` means, and asc, desc or nothing.

    Raises:
        click.UsageError: there is no such column.
    """
    name, direction = sort, ""
    if sort not in names and sort.lower().endswith((":asc", ":desc")):
        name, _, direction = sort.rpartition(":")
    return column_called(name, names, "--sort"), direction


def sorted_rows(answer: pa.Table, sort: str) -> pa.Table:
    """All rows by a column; what is not known comes last, and equal ones stay in their order.

    Raises:
        click.UsageError: there is no such column.
        QueryError: its values have no order.
    """
    name, direction = sort_column(sort, answer.column_names)
    keep_in_sight(name)
    values = in_python(answer[name])
    known = [i for i, value in enumerate(values) if value is not None and value == value]
    is_number = all(isinstance(values[i], int | float | Decimal) for i in known)
    down = direction.lower() == "desc" if direction else is_number
    try:
        order = sorted(known, key=lambda i: values[i], reverse=down)
    except TypeError as error:
        raise QueryError(
            f"--sort {name}: its values have no order", "Sort by numbers, texts or times."
        ) from error
    placed = set(known)
    return answer.take(order + [i for i in range(len(values)) if i not in placed])


def first_rows(answer: pa.Table, limit: int | None) -> pa.Table:
    """The first rows; says how many there are."""
    if limit is None or limit >= answer.num_rows:
        return answer
    say_cut(limit, answer.num_rows)
    return answer.slice(0, limit)


def say_cut(shown: int, total: int, of_each: str = "") -> None:
    """Say that there are more rows; `of_each` is what has a limit of its own."""
    more = f"more of each {of_each}" if of_each else "more"
    note(f"{shown:,} of {total:,} rows: --limit gives {more}, --limit NULL all.")
