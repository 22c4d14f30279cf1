"""What several commands share."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from traceql.cli.output import printable
from traceql.errors import MissingDataWarning, QueryError, TraceqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.shell_completion import CompletionItem

F = TypeVar("F", bound="Callable[..., Any]")

DEFAULT_DB = "traces.duckdb"


def db_option() -> Callable[[F], F]:
    """The ``--db`` option."""
    return click.option(
        "--db",
        envvar="TRACEQL_DB",
        default=DEFAULT_DB,
        show_default=True,
        show_envvar=True,
        type=click.Path(dir_okay=False),
        help="The database file.",
    )


def complete_trace(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the database's traces, for shell completion; nothing when it cannot be opened."""
    from click.shell_completion import CompletionItem

    from traceql.database import Database

    path = ctx.params.get("db") or os.environ.get("TRACEQL_DB", DEFAULT_DB)
    try:
        with Database(path) as database:
            names = database.arrow("SELECT name FROM traces ORDER BY name").column("name").to_pylist()
    except TraceqlError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def note(text: str) -> None:
    """Say something beside the data."""
    click.echo(f"{click.style('note:', fg='yellow')} {printable(text)}", err=True)


def complain(error: TraceqlError) -> None:
    """Print an error and what to do about it."""
    # Messages quote names from reports. Only DuckDB's remarks on a statement have lines.
    lines = error.message.split("\n") if isinstance(error, QueryError) else [error.message]
    message = "\n".join(printable(line) for line in lines)
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    if error.remedy:
        click.echo(printable(error.remedy), err=True)


@contextmanager
def notes() -> Iterator[None]:
    """Print warnings about missing data as notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MissingDataWarning)
        yield
    for warning in caught:
        note(str(warning.message))
