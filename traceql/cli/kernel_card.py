"""The command kernel-card: all that is known about one kernel."""

from __future__ import annotations

import click

from traceql.cli.common import asker, complete_trace, db_option, note
from traceql.cli.output import output_options, write


@click.command("kernel-card")
@click.argument("name")
@click.option(
    "--trace",
    "traces",
    multiple=True,
    shell_complete=complete_trace,
    help="Only these traces: name, pattern, or tag such as gpu=h200; repeatable.",
)
@click.option(
    "--names",
    type=click.Choice(["short", "full", "distinct"]),
    default="distinct",
    show_default=True,
    help="What kernels are called.",
)
@db_option()
@output_options
def kernel_card(
    name: str, traces: tuple[str, ...], names: str, db: str, format_: str | None, output: str | None
) -> None:
    """Show all that is known about the kernel NAME, or about all that a pattern means.

    One line per item: launches, with NVTX ranges and the spread of durations; speed of light with the
    verdict of ncu's rule; occupancy and what limits it; warp states, schedulers, memory tables, pipes and
    advice. Of a timeline by nsys what it tells. Numbers are in the unit beside them; what was not recorded
    has none, and the note says which option of ncu records it.

    \b
    Examples:
      traceql kernel-card gemm_kernel
      traceql kernel-card 'rms_norm*' --trace run --format json
    """
    from traceql.ask import cards

    with asker(db) as ask:
        found, notes = cards.items(ask, name, traces, names)
        for text in notes:
            note(text)
        write(cards.table(found), format_, output)
