"""The command export."""

from __future__ import annotations

import click

from traceql.cli.common import db_option, lake_option, store
from traceql.present.values import printable


@click.command()
@click.argument("source", metavar="DATABASE", type=click.Path())
@db_option()
@lake_option()
def export(source: str, db: str, lake: bool) -> None:
    """Copy all of a database into another one: a lake into a file, or a file into a lake.

    Every row, id and name stays as it is. --db names the copy, which must be new or empty.

    \b
    Examples:
      traceql export nightly/ --db nightly.duckdb
      traceql export traces.duckdb --db nightly/
    """
    from traceql.store import export as exports

    with store(source) as from_, store(db, lake=lake) as to:
        done = exports.copy(from_, to)
    click.echo(f"{printable(db)}: {done.traces:,} traces, {done.runs:,} runs", err=True)
