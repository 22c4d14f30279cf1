"""The command kernel-card: all that is known about one kernel."""

from __future__ import annotations

from functools import partial

import click

from traceql.cli import offers
from traceql.cli.common import db_option, note
from traceql.cli.output import form_of, output_options, write, writing
from traceql.cli.sides import database_of


def _columns() -> tuple[str, ...]:
    from traceql.ask import cards

    return cards.COLUMNS


@click.command("kernel-card")
@click.argument("name", shell_complete=offers.named("kernel"))
@click.option(
    "--trace",
    "traces",
    multiple=True,
    shell_complete=offers.trace,
    help="Only these traces: name, pattern, tag such as gpu=h200, or report file; repeatable.",
)
@click.option(
    "--names",
    type=click.Choice(["short", "full", "distinct"]),
    default="distinct",
    show_default=True,
    help="What kernels are called.",
)
@click.option("--all", "all_", is_flag=True, help="In a table, also what one asks for later.")
@db_option()
@partial(output_options, pages=(".html", ".htm"), columns=lambda _: _columns())
def kernel_card(
    name: str,
    traces: tuple[str, ...],
    names: str,
    all_: bool,
    db: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Show all that is known about the kernel NAME, or about all that a pattern means.

    One line per item: launches, with NVTX ranges and the spread of durations; speed of light with the
    verdict of ncu's rule; occupancy and what limits it; warp states, schedulers, memory tables, pipes and
    advice. Of a timeline by nsys what it tells. Numbers are in the unit beside them; what was not recorded
    has none, and the note says which option of ncu records it. A table has what to know first, and all of it
    with --all; CSV, JSON and the others have all. A file that ends in .html becomes a page with the charts.

    \b
    Examples:
      traceql kernel-card gemm_kernel
      traceql kernel-card 'rms_norm*' --trace run --format json
      traceql kernel-card gemm_kernel --trace run -o card.html
    """
    from traceql.ask import cards

    with database_of(db, traces) as (database, words):
        ask = database._asker
        if format_ is None and output is not None and output.lower().endswith((".html", ".htm")):
            from traceql import report as pages

            made = pages.of_kernel(ask, name, words, names)
            with writing(output) as file:
                file.write(made.encode())
            return
        found, notes = cards.items(ask, name, words, names)
        for text in notes:
            note(text)
        short = form_of(format_, output) == "table" and not all_
        shown = [one for one in found if one.first or not short]
        write(cards.table(shown), format_, output, groups="section")
        if len(shown) < len(found):
            note(f"{len(shown):,} of {len(found):,} items: --all gives the rest.")
