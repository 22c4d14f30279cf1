"""The command sql."""

from __future__ import annotations

import sys
from typing import Any

import click

from traceql.cli import offers
from traceql.cli.arranged import first_rows, limit_option, sort_option, sorted_rows
from traceql.cli.common import db_option, note
from traceql.cli.output import output_options, write
from traceql.cli.sides import database_of
from traceql.tables import elsewhere


@click.command()
@click.argument("statement", required=False)
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
@sort_option()
@limit_option()
@db_option()
@output_options
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
    from traceql.ask import place

    with database_of(db, traces, allow_files=allow_files) as (database, words):
        opened = database._store
        answer = opened.run(statement, narrowed=place.only(opened.run, words))
        if sort is not None:
            answer = sorted_rows(answer, sort)
        write(first_rows(answer, limit), format_, output)
    if remark := elsewhere.remark(statement):
        note(remark)
