"""The command compact."""

from __future__ import annotations

import click

from traceql.cli.common import db_option, store
from traceql.present.values import printable


@click.command()
@db_option()
def compact(db: str) -> None:
    """Write the database anew: smaller, and without a byte of what was removed.

    Of a lake: remove what writers left that were killed. Who writes meanwhile loses nothing.

    Space that removed traces leave is used by the next ones; this gives it back. Needs as much free space as
    the database has; until the new file is whole the old one stays as it is.
    """
    with store(db) as opened:
        done = opened.compact()
    click.echo(f"{printable(db)}: {done.before_bytes:,} bytes before, {done.after_bytes:,} now", err=True)
