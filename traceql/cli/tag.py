"""The command tag."""

from __future__ import annotations

import click

from traceql.cli.common import complete_trace, database, db_option, parse_tags


@click.command()
@click.argument("trace", shell_complete=complete_trace)
@click.argument("tags", nargs=-1, callback=parse_tags, metavar="[NAME=VALUE]…")
@click.option("--remove", multiple=True, metavar="NAME", help="Remove this label; repeatable.")
@db_option()
def tag(trace: str, tags: dict[str, str], remove: tuple[str, ...], db: str) -> None:
    """Label a trace of the database.

    The bytes of a label that is removed or replaced may stay in the file until traceql compact.

    \b
    Examples:
      traceql tag run gpu=h200 batch=8
      traceql tag run --remove batch
    """
    if not tags and not remove:
        raise click.UsageError("Name a label: NAME=VALUE, or --remove NAME.")
    with database(db) as opened:
        opened.tag(trace, **{**tags, **dict.fromkeys(remove)})
