"""The command sql."""

from __future__ import annotations

import sys
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from traceql.cli import offers
from traceql.cli.arranged import first_rows, limit_option, sort_column, sort_option, sorted_rows
from traceql.cli.common import DEFAULT_DB, database, db_option, note
from traceql.cli.output import IN_PARTS, check_columns, form_of, names_columns, output_options, write
from traceql.cli.sides import database_of
from traceql.errors import TraceqlError
from traceql.tables import elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    import pyarrow as pa

    Run: TypeAlias = "Callable[[str], pa.Table]"


def _described(run: Run, statement: str) -> list[str]:
    """The columns of a SELECT; none of another statement, or of several: their rows tell them."""
    if ";" in statement.rstrip().rstrip(";"):
        return []
    with suppress(TraceqlError):
        names: list[str] = run(f"DESCRIBE {statement}").column("column_name").to_pylist()
        return names
    return []


def _columns(options: Mapping[str, Any]) -> list[str]:
    """The columns of the statement that a shell has so far."""
    if not (statement := options.get("statement")):
        return []
    with suppress(TraceqlError), database(options.get("db") or DEFAULT_DB) as opened:
        return _described(opened._store.run, statement)
    return []


@click.command()
@click.argument("statement", required=False, shell_complete=offers.in_sql)
@click.option(
    "--file", "file", type=click.File(encoding="utf-8", errors="replace"), help="Read the SQL from this file."
)
@click.option(
    "--allow-files",
    is_flag=True,
    help="Let the SQL read and write other files and load extensions; it may use nothing stored then.",
)
@click.option(
    "--trace",
    "traces",
    multiple=True,
    metavar="TRACE",
    help="Narrow every table to this trace: a name, a pattern, a tag such as gpu=h200, or a report file; "
    "repeatable.",
    shell_complete=offers.trace,
)
@sort_option(lambda options: _columns(options))
@limit_option()
@db_option()
@partial(output_options, offered=lambda options: _columns(options))
def sql(
    statement: str | None,
    file: Any,
    allow_files: bool,
    traces: tuple[str, ...],
    sort: str | None,
    limit: int | None,
    db: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Run SQL: the STATEMENT, a --file, or standard input.

    The database is opened read-only, and the SQL cannot touch other files unless --allow-files is given: then
    it may use no view or macro that is stored in the database.

    \b
    Examples:
      traceql sql "SELECT name, count(*) AS launches FROM kernels GROUP BY name ORDER BY 2 DESC"
      traceql sql --trace 'decode_*' --trace mode=variant "SELECT trace, kernel, queue_ns FROM kernel_calls"
      traceql sql --file question.sql --format csv -o answer.csv
      echo "FROM traces" | traceql sql
    """
    if statement is not None and file is not None:
        raise click.UsageError("Give the SQL either as an argument or with --file.")
    if file is not None:
        statement = file.read()
    elif statement is None or statement == "-":
        if statement is None and sys.stdin.isatty():
            raise click.UsageError("Give the SQL as an argument, with --file, or on standard input.")
        statement = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not statement.strip():
        raise click.UsageError("The SQL is empty.")
    with database_of(db, traces, allow_files=allow_files) as (database, words):
        from traceql.ask import place

        opened = database._store
        narrowed = place.only(opened.run, words)
        if (sort is not None or names_columns()) and (
            names := _described(lambda text: opened.run(text, narrowed=narrowed), statement)
        ):
            # Before the work is done.
            check_columns(names)
            if sort is not None:
                sort_column(sort, names)
        form = form_of(format_, output)
        in_parts = form in IN_PARTS and sort is None and limit is None
        with opened.batches(statement, narrowed=narrowed) if in_parts else nullcontext() as rows:
            if rows is not None:
                write(rows, format_, output)
        if rows is None:
            answer = opened.run(statement, narrowed=narrowed, plain=form != "parquet")
            if sort is not None:
                answer = sorted_rows(answer, sort)
            write(first_rows(answer, limit), format_, output)
    if remark := elsewhere.remark(statement):
        note(remark)
