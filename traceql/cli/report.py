"""The command report."""

from __future__ import annotations

import click

from traceql.cli import offers
from traceql.cli.common import db_option, parameters_option
from traceql.cli.shown import check_output, deliver, output_option
from traceql.cli.sides import database_of


@click.command()
@click.argument("traces", nargs=-1, metavar="TRACE…", shell_complete=offers.trace)
@click.option(
    "--job",
    shell_complete=offers.job,
    help="A page about this job in place of traces, see the query job-summary.",
)
@click.option("--title", help="Title of the page. [default: the names of the traces, or that of the job]")
@parameters_option("every question of the page")
@db_option()
@output_option("Write this file. [default: show it in the browser]")
def report(
    traces: tuple[str, ...],
    job: str | None,
    title: str | None,
    parameters: dict[str, tuple[str, ...]],
    db: str,
    output: str | None,
) -> None:
    """Write a page about traces: what was recorded, where the time goes, what differs.

    One HTML file that needs no network and can be mailed. Each of several traces is compared with the first
    one of its profiler, unless they are ranks of one job: then the page begins with what is to be said about
    the job, as it is for --job without the traces. The questions are those whose headers say so, of one's own
    folders, too.

    \b
    Examples:
      traceql report run -o report.html
      traceql report run.nsys-rep -o report.html
      traceql report before after -o comparison.html
      traceql report --job train -o job.html
      traceql report before after --param names=full --param limit=50 -o long.html
    """
    if (job is None) == (not traces):
        raise click.UsageError("Name traces, or a job with --job: one of both.")
    check_output(output, (".html", ".htm"))
    with database_of(db, traces) as (database, words):
        from traceql import report as pages

        made = pages.about(database._asker, words, job, title=title or "", params=parameters)
    deliver(made.encode(), output)
