"""The command report."""

from __future__ import annotations

import click

from traceql.cli.common import asker, complete_trace, db_option, parameters_option
from traceql.cli.shown import check_output, deliver, output_option


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…", shell_complete=complete_trace)
@click.option("--title", help="Title of the page. [default: the names of the traces]")
@parameters_option("every question of the page")
@db_option()
@output_option("Write this file. [default: show it in the browser]")
def report(
    traces: tuple[str, ...],
    title: str | None,
    parameters: dict[str, tuple[str, ...]],
    db: str,
    output: str | None,
) -> None:
    """Write a page about traces: what was recorded, where the time goes, what differs.

    One HTML file that needs no network and can be mailed. Several traces are compared with the first one.
    The questions are those whose headers say so, of one's own folders, too.

    \b
    Examples:
      traceql report run -o report.html
      traceql report before after -o comparison.html
      traceql report before after --param names=full --param limit=50 -o long.html
    """
    check_output(output, (".html", ".htm"))
    with asker(db) as ask:
        from traceql import report as pages

        made = pages.of_traces(ask, traces, title=title or "", params=parameters)
    deliver(made.encode(), output)
