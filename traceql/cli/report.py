"""The command report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from traceql.cli.common import complete_trace, database, db_option, parse_tags
from traceql.cli.shown import check_output, deliver, output_option

if TYPE_CHECKING:
    from traceql.questions.parameters import Value


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…", shell_complete=complete_trace)
@click.option("--title", help="Title of the page. [default: the names of the traces]")
@click.option(
    "--pair",
    multiple=True,
    callback=parse_tags,
    metavar="BEFORE=AFTER",
    help="Range paths that do the same work in two ncu traces, for nwor-delta (LIKE patterns); repeatable.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATH",
    help="Range path to leave out of nwor-delta, such as the flush of a cache (LIKE pattern); repeatable.",
)
@db_option()
@output_option("Write this file. [default: show it in the browser]")
def report(
    traces: tuple[str, ...],
    title: str | None,
    pair: dict[str, str],
    exclude: tuple[str, ...],
    db: str,
    output: str | None,
) -> None:
    """Write a page about traces: what was recorded, where the time goes, what differs.

    One HTML file that needs no network and can be mailed. Several traces are compared with the first one.

    \b
    Examples:
      traceql report run -o report.html
      traceql report before after -o comparison.html
      traceql report before after --pair %kv_write=%nwor_commit --exclude %flush_l2 -o nwor.html
    """
    check_output(output, (".html", ".htm"))
    given: dict[str, Value] = {}
    if pair:
        given["pair"] = pair
    if exclude:
        given["exclude"] = list(exclude)
    with database(db) as opened:
        deliver(opened.report(*traces, title=title or "", **given).encode(), output)
