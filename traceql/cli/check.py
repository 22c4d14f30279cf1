"""The command that judges: check."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from traceql.cli import offers
from traceql.cli.common import catalog, db_option, note, parameters_option
from traceql.cli.output import every_column, output_options, text_table, write
from traceql.cli.sides import opened
from traceql.present.values import human, readable
from traceql.statuses import CANNOT_TELL, FAILED, OK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.ask.checks import Verdict

_SHOWN_ROWS = 4
# Of verdicts, and of files of checks.
_COLUMNS = ("check", "verdict", "evidence", "message")
_LISTED = ("checks", "title")
_COLOURS = {"pass": "green", "fail": "red", "cannot tell": "yellow"}


class _Check(click.Command):
    """The command, whose help names the files that there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from traceql.ask import check_files

        found = catalog(ctx)
        with formatter.section("Files of the catalogue"):
            formatter.write_dl(
                [(readable(name), readable(check_files.load(name, found).title)) for name in found.checks]
            )


@click.command(cls=_Check)
@click.argument("file", required=False, shell_complete=offers.checks)
@click.option(
    "--baseline",
    shell_complete=offers.side,
    help="Trace before the change: name, tag, or report file; or runs: name, or table.",
)
@click.option(
    "--variant",
    shell_complete=offers.side,
    help="Trace after it, or the only one.",
)
@parameters_option("every query of the checks")
@click.option("--list", "list_", is_flag=True, help="List the names of files that FILE may be.")
@click.option("--show", is_flag=True, help="Print the FILE instead, to make one's own of it.")
@db_option()
@partial(output_options, columns=lambda options: _LISTED if options.get("list_") else _COLUMNS)
def check(
    file: str | None,
    baseline: str | None,
    variant: str | None,
    parameters: dict[str, tuple[str, ...]],
    list_: bool,
    show: bool,
    db: str,
    format_: str | None,
    output: str | None,
) -> int:
    """Judge traces by the checks of a FILE: pass, fail or cannot tell, with the numbers.

    FILE is a path, or the name of a file that comes with traceql or lies in the checks of a folder of
    --queries: see below, or --list. For a file of one's own, begin with: traceql check budget --show

    A FILE may hold gates, too, beside which every change from the baseline to the variant is judged, as by
    traceql diff --gate: traceql check regression --show

    A baseline or variant that none of its checks takes is refused: what such a FILE judges is named by
    parameters of its queries (--param).

    Without --format and --output, a line per check with its evidence below. The exit status is 0 if every
    check passes, 3 if one fails, and 4 if none fails but one cannot tell.

    \b
    Examples:
      traceql check --list
      traceql check budget --variant run --format json
      traceql check budget.toml --variant run.nsys-rep --param step=decode%
      traceql check mine.toml --baseline runs_before.json --variant runs_after.json
    """
    from traceql.ask import check_files, checks

    if list_:
        titles = [(name, check_files.load(name, catalog()).title) for name in catalog().checks]
        write(text_table(_LISTED, titles), format_, output)
        return 0
    if file is None:
        raise click.UsageError("Missing argument 'FILE': a path, or a name that traceql check --list shows.")
    found = check_files.load(file, catalog())
    if show:
        # Exact where it becomes a file.
        text = "\n".join(map(readable, found.text.split("\n"))) if sys.stdout.isatty() else found.text
        click.echo(text, nl=False)
        return 0
    with ExitStack() as stack:
        given = [[side] if side is not None else [] for side in (baseline, variant)]
        database, traces = opened(stack, db, given, runs=True)
        verdicts = checks.run(
            database._asker,
            found,
            baseline=_only(baseline, traces[0]),
            variant=_only(variant, traces[1]),
            parameters=parameters,
        )
    _report(verdicts, format_, output)
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = ", ".join(f"{outcomes.count(o)} {o}" for o in ("pass", "fail", "cannot tell") if o in outcomes)
    click.echo(f"{readable(found.label)}: {counts}", err=True)
    return FAILED if "fail" in outcomes else CANNOT_TELL if "cannot tell" in outcomes else OK


def _only(given: str | None, traces: list[str]) -> str | None:
    """The one trace that an option means."""
    if len(traces) > 1:
        raise click.UsageError(f"{given} means {len(traces)} traces: {', '.join(map(readable, traces))}.")
    return traces[0] if traces else None


def _report(verdicts: list[Verdict], format_: str | None, output: str | None) -> None:
    told: dict[str, None] = {}
    evidence = []
    for verdict in verdicts:
        lines = [*_lines(verdict.evidence), *filter(None, [verdict.reason])]
        # Those of a gate are about all of them.
        if verdict.outcome == "cannot tell" and not verdict.reason:
            lines += verdict.notes
        else:
            told.update(dict.fromkeys(verdict.notes))
        evidence.append(lines)
    if format_ is None and output is None and not every_column():
        _tell(verdicts, evidence)
    else:
        write(
            text_table(
                _COLUMNS,
                [
                    (one.name, one.outcome, "; ".join(lines), one.message)
                    for one, lines in zip(verdicts, evidence, strict=True)
                ],
            ),
            format_,
            output,
        )
    for text in told:
        note(text)


def _tell(verdicts: list[Verdict], evidence: list[list[str]]) -> None:
    """For reading: a line per check, and its evidence below, where no table would have room for it."""
    width = min(max(len(verdict.name) for verdict in verdicts), 60)
    for verdict, lines in zip(verdicts, evidence, strict=True):
        outcome = click.style(f"{verdict.outcome:<11}", fg=_COLOURS[verdict.outcome])
        click.echo(f"{outcome}   {readable(f'{verdict.name:<{width}}   {verdict.message}')}")
        for line in lines:
            click.echo(f"    {readable(line)}")


def _lines(evidence: tuple[Mapping[str, Any], ...]) -> list[str]:
    lines = [
        ", ".join(f"{name} {_figure(value)}" for name, value in row.items() if value != "")
        for row in evidence[:_SHOWN_ROWS]
    ]
    more = len(evidence) - _SHOWN_ROWS
    return [*lines, f"and {more} more"] if more > 0 else lines


def _figure(value: Any) -> str:
    """Counters are DOUBLE, but whole."""
    return f"{value:,.0f}" if isinstance(value, float) and value.is_integer() else human(value)
