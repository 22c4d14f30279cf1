"""The command info."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceql.cli import offers
from traceql.cli.common import database, db_option, is_there
from traceql.cli.output import output_options, shown, text_table, write
from traceql.cli.sides import database_of, neither, no_such_file
from traceql.errors import DatabaseError, ReportError

if TYPE_CHECKING:
    from collections.abc import Mapping


_COLUMNS = ("property", "value")


@click.command()
@click.argument("path_or_trace", shell_complete=offers.trace)
@db_option()
@partial(output_options, columns=_COLUMNS)
def info(path_or_trace: str, db: str, format_: str | None, output: str | None) -> None:
    """Describe a trace of the database, or a report file without ingesting it.

    \b
    Examples:
      traceql info run.ncu-rep
      traceql info baseline --format json
    """
    is_file = Path(path_or_trace).exists()
    known: list[str] = []
    if is_there(db):
        try:
            with database(db) as opened:
                asked = "SELECT trace FROM traces ORDER BY trace"
                known = opened._store.run(asked, plain=True).column("trace").to_pylist()
                if path_or_trace in known:
                    write(_table(opened.info(path_or_trace), format_, output), format_, output)
                    return
        except DatabaseError:
            # A file can be described whatever is the matter with the database beside it.
            if not is_file:
                raise
    if not is_file:
        if error := no_such_file(path_or_trace):
            raise error
        raise neither(path_or_trace, db, known)
    with database_of(db, [path_or_trace]) as (of_file, names):
        if len(names) != 1:
            raise ReportError(f"{path_or_trace}: {len(names)} reports", "Name one of them.")
        write(_table(of_file.info(names[0]), format_, output), format_, output)


def _table(facts: Mapping[str, Any], format_: str | None, output: str | None) -> Any:
    rows = [
        (name, one)
        for name, value in facts.items()
        # Each warning is a row of its own.
        for name, one in ([("warning", text) for text in value] if name == "warnings" else [(name, value)])
    ]
    return text_table(_COLUMNS, [(name, shown(value, format_, output)) for name, value in rows])
