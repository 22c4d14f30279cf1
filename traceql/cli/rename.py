"""The command rename."""

from __future__ import annotations

import click

from traceql.cli import offers
from traceql.cli.common import database, db_option


@click.command()
@click.argument("trace", shell_complete=offers.stored_trace)
@click.argument("name")
@db_option()
def rename(trace: str, name: str, db: str) -> None:
    """Give a trace of the database another NAME."""
    with database(db) as opened:
        opened.rename(trace, name)
