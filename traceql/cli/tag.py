"""The command tag."""

from __future__ import annotations

import click

from traceql.cli import offers
from traceql.cli.common import database, db_option, parse_tags, quiet_option
from traceql.present.values import readable


@click.command()
@click.argument(
    "words", nargs=-1, required=True, metavar="TRACE… NAME=VALUE…", shell_complete=offers.stored_trace
)
@click.option(
    "--remove",
    multiple=True,
    metavar="NAME",
    shell_complete=offers.tag_name,
    help="Remove this label; repeatable.",
)
@db_option()
@quiet_option()
@click.pass_context
def tag(
    context: click.Context, words: tuple[str, ...], remove: tuple[str, ...], db: str, quiet: bool
) -> None:
    """Label traces of the database, all that are named or none.

    A TRACE is a name, a pattern of names, or, as the first word, a tag that traces have. The labels job and
    rank say which traces are ranks of one job. The bytes of a label that is removed or replaced may stay in
    the file until traceql compact.

    \b
    Examples:
      traceql tag run gpu=h200 batch=8
      traceql tag rank0 rank1 job=train
      traceql tag 'train_*' job=train
      traceql tag job=train node=a
      traceql tag run --remove batch
    """
    traces = [word for place, word in enumerate(words) if place == 0 or "=" not in word]
    labels = parse_tags(context, context.command.params[0], tuple(w for w in words[1:] if "=" in w))
    if not labels and not remove:
        raise click.UsageError("Name a label: NAME=VALUE, or --remove NAME.")
    with database(db) as opened:
        named = opened.tag(*traces, **{**labels, **dict.fromkeys(remove)})
    if not quiet and (len(named) > 1 or named != traces):
        click.echo(f"{len(named)} traces: {', '.join(map(readable, named))}", err=True)
