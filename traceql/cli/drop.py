"""The command drop."""

from __future__ import annotations

import click

from traceql.cli import offers
from traceql.cli.common import database, db_option
from traceql.present.values import readable


@click.command()
@click.argument("traces", nargs=-1, required=True, shell_complete=offers.stored_trace)
@db_option()
def drop(traces: tuple[str, ...], db: str) -> None:
    """Remove traces from the database (the report files stay where they are).

    If they had an environment or tags the database is written anew, without a byte of them. The space that
    others leave is used by the next ones; traceql compact gives it back.
    """
    with database(db) as opened:
        opened.drop(*traces)
    for trace in traces:
        click.echo(f"{readable(trace)}: dropped", err=True)
