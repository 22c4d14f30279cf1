"""The command export: a database into another one, or traces into another tool's file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from traceql.cli import offers
from traceql.cli.common import db_option, is_there, lake_option, note, store
from traceql.cli.query import place_options
from traceql.cli.sides import database_of
from traceql.errors import DatabaseError
from traceql.present.values import printable
from traceql.read import formats
from traceql.read.source import plain_name


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="DATABASE|TRACE…", shell_complete=offers.trace)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    help="Write the traces into this file: for Perfetto .pftrace, or .pftrace.gz, smaller and slower; for "
    "speedscope .speedscope.json.",
)
@place_options
@db_option()
@lake_option()
def export(sources: tuple[str, ...], output: str | None, db: str, lake: bool, **where: Any) -> None:
    """Copy all of a DATABASE into another one, or write TRACEs for Perfetto or speedscope.

    A copy: every row, id and name stays as it is. --db names it; it must be new or empty. So a lake becomes
    a file, or a file a lake.

    With -o FILE.pftrace: processes with their threads (NVTX ranges by domain, API and OS calls,
    synchronisation), GPUs with their streams (kernels, copies, whole graphs, and below them the ranges that
    launched them), arrows from calls to GPU work, counters, and what is known of each event as its
    arguments. Times are UTC, those of a job's traces on one clock. Traces of ncu among them give the kernels
    their counters. Open the file in https://ui.perfetto.dev, which sends it nowhere, as `traceql view` does
    at once.

    With -o FILE.speedscope.json: samples of CPUs and of Python, a profile for each thread. Open it in
    https://www.speedscope.app, which sends it nowhere either. --from, --to and --within are for files only.

    \b
    Examples:
      traceql export nightly/ --db nightly.duckdb
      traceql export traces.duckdb --db nightly/
      traceql export run -o run.pftrace
      traceql export job=train -o train.pftrace.gz
      traceql export run --within 'step#3' -o step3.pftrace
      traceql export run -o run.speedscope.json
    """
    if output is None:
        if given := [f"--{name}" for name, value in where.items() if value is not None]:
            raise click.UsageError(f"{given[0]} is for traces in a file: name it with -o.")
        if len(sources) > 1:
            raise click.UsageError(
                "A copy is of one database. Traces are written into a file: name it with -o."
            )
        _copy(sources[0], db, lake)
        return
    if lake:
        raise click.UsageError("--lake is for a copy of a database, which has no -o.")
    _write(sources, output, db, where)


def _copy(source: str, db: str, lake: bool) -> None:
    from traceql.store import export as exports

    name = plain_name(Path(source).name)
    is_report = formats.claimed(name) is not None
    if is_report or not (is_there(source) or source.endswith(("/", ".duckdb"))):
        stem = Path(name).stem if is_report else name
        command = shlex.join(["traceql", "export", source, "-o", f"{stem}.pftrace"])
        wrong = "a report, not a database" if is_report and is_there(source) else "no such database"
        raise DatabaseError(f"{source}: {wrong}", f"A timeline is written into a file: {command}")
    with store(source) as from_, store(db, lake=lake) as to:
        done = exports.copy(from_, to)
    click.echo(f"{printable(db)}: {done.traces:,} traces, {done.runs:,} runs", err=True)


def _write(traces: tuple[str, ...], output: str, db: str, where: dict[str, Any]) -> None:
    from traceql.cli.output import writing
    from traceql.share import perfetto, speedscope

    if output.lower().endswith(speedscope.SUFFIXES):
        with database_of(db, traces) as (database, words), writing(output) as file:
            stacks = speedscope.write(database._asker, words, file, **where)
        for one in stacks.notes:
            note(one.text)
        click.echo(
            f"{printable(output)}: {stacks.samples:,} samples of {stacks.profiles:,} threads, "
            f"{stacks.frames:,} frames",
            err=True,
        )
        return
    suffixes = perfetto.SUFFIXES + speedscope.SUFFIXES
    if not output.lower().endswith(perfetto.SUFFIXES):
        raise click.UsageError(f"{output}: the file's name must end in {' or '.join(suffixes)}.")
    with database_of(db, traces) as (database, words), writing(output) as file:
        done = perfetto.write(
            database._asker, words, file, compressed=output.lower().endswith(".gz"), **where
        )
    for one in done.notes:
        note(one.text)
    click.echo(
        f"{printable(output)}: {done.slices:,} slices, {done.instants:,} marks, {done.flows:,} arrows, "
        f"{done.values:,} values of counters on {done.tracks:,} tracks",
        err=True,
    )
