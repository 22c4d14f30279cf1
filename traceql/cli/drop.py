"""The command drop."""

from __future__ import annotations

import click

from traceql.cli.common import complete_trace, database, db_option
from traceql.present.values import readable


@click.command()
@click.argument("traces", nargs=-1, required=True, shell_complete=complete_trace)
@db_option()
def drop(traces: tuple[str, ...], db: str) -> None:
    """Remove traces from the database (the report files stay where they are)."""
    with database(db) as opened:
        opened.drop(*traces)
    for trace in traces:
        click.echo(f"{readable(trace)}: dropped", err=True)
