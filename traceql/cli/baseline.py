"""The command baseline: traces that later ones are compared with, under a name."""

from __future__ import annotations

from functools import partial

import click

from traceql.cli import offers
from traceql.cli.common import database, db_option, quiet_option, store
from traceql.cli.output import output_options, text_table, write
from traceql.errors import QueryError
from traceql.nearest import did_you_mean
from traceql.present.values import counted, readable
from traceql.questions.parameters import is_pattern

# The tag that says of which baseline a trace is: what knows tags knows baselines.
_TAG = "baseline"
_COLUMNS = ("baseline", "traces", "names")
_ALL = """
    SELECT tags['baseline'] AS baseline, count(*) AS traces, string_agg(trace, ', ' ORDER BY trace) AS names
    FROM traces
    WHERE tags['baseline'] IS NOT NULL
    GROUP BY ALL
    ORDER BY baseline
"""


@click.group()
def baseline() -> None:
    """Name the traces with which later ones are compared.

    A baseline is the label baseline=NAME of its traces, of which each has one at most: baseline=NAME stands
    for them wherever a trace is named.

    \b
    Examples:
      traceql baseline set main run1 run2 run3
      traceql baseline list
      traceql diff baseline=main after --gate 5%
      traceql baseline drop main
    """


_offered_name = offers.from_sql(_ALL)


@baseline.command("set")
@click.argument("name", shell_complete=_offered_name)
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…", shell_complete=offers.stored_trace)
@db_option()
@quiet_option()
def set_(name: str, traces: tuple[str, ...], db: str, quiet: bool) -> None:
    """Make the traces the baseline NAME, in place of those that were.

    A TRACE is a name, a pattern of names, or a tag such as gpu=h200. One that was of another baseline is of
    this one from then on.
    """
    from traceql.store import ingest

    if not name.strip() or is_pattern(name):
        raise click.UsageError(f"{name!r} is no name of a baseline: it stands for itself, without * ? and %.")
    with store(db) as opened:
        named = ingest.tag(opened, traces, {_TAG: name}, alone=True)
    if not quiet:
        click.echo(
            f"baseline {readable(name)}: {counted(len(named), 'traces')}: {', '.join(map(readable, named))}",
            err=True,
        )


@baseline.command("list")
@db_option()
@partial(output_options, columns=_COLUMNS)
def list_(db: str, format_: str | None, output: str | None) -> None:
    """List the baselines, and the traces of each."""
    with database(db) as opened:
        rows = opened.sql(_ALL).rows()
    write(
        text_table(_COLUMNS, [[str(cell) for cell in row] for row in rows]),
        format_,
        output,
    )


@baseline.command("drop")
@click.argument("names", nargs=-1, required=True, metavar="NAME…", shell_complete=_offered_name)
@db_option()
@quiet_option()
def drop(names: tuple[str, ...], db: str, quiet: bool) -> None:
    """Forget baselines, all that are named or none; their traces stay."""
    from traceql.store import ingest

    with store(db) as opened:
        known = {row["baseline"]: row["names"] for row in opened.run(_ALL).to_pylist()}
        for name in names:
            if name not in known:
                raise QueryError(
                    f"no baseline is called {name!r}",
                    f"{did_you_mean(name, known)}See which there are: traceql baseline list",
                )
        ingest.tag(opened, [f"{_TAG}={name}" for name in names], {_TAG: None})
    if not quiet:
        click.echo(f"forgotten: {', '.join(map(readable, names))}", err=True)
