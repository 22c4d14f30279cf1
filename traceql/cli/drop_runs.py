"""The command drop-runs."""

from __future__ import annotations

import click

from traceql.cli import offers
from traceql.cli.common import database, db_option
from traceql.present.values import readable


@click.command("drop-runs")
@click.argument("sweeps", nargs=-1, required=True, metavar="SWEEP…", shell_complete=offers.sweep)
@db_option()
def drop_runs(sweeps: tuple[str, ...], db: str) -> None:
    """Remove imported runs from the database: all that are named, or none; no byte of them is left in it."""
    with database(db) as opened:
        opened.drop_runs(*sweeps)
    for sweep in sweeps:
        click.echo(f"{readable(sweep)}: dropped", err=True)
