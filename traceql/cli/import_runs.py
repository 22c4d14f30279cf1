"""The command import-runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from traceql.cli.common import complain, database, db_option, lake_option, note, quiet_option, tags_option
from traceql.errors import ReportError
from traceql.present.values import counted, readable


@click.command("import-runs")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@db_option()
@lake_option()
@click.option("--name", help="Label of the runs (one file only); by default the file's name without suffix.")
@tags_option("Label every run")
@click.option(
    "--tag-column", "tag_columns", multiple=True, help="A column of numbers that is a tag; repeatable."
)
@click.option(
    "--metric-column", "metric_columns", multiple=True, help="A column that is a metric; repeatable."
)
@click.option("--replace", is_flag=True, help="Replace what the database holds under that label.")
@quiet_option()
def import_runs(
    files: tuple[Path, ...],
    db: str,
    lake: bool,
    name: str | None,
    tags: dict[str, str],
    tag_columns: tuple[str, ...],
    metric_columns: tuple[str, ...],
    replace: bool,
    quiet: bool,
) -> None:
    """Read measurements made without a profiler: tables of runs, and results of benchmarks.

    A CSV or JSON table has one row per run, or one per number with the columns metric and value. Texts and
    well-known parameters (gpu, batch_size, input_len …) become tags, other numbers metrics. Also read are
    what vllm bench latency --output-json writes, and sweeps with numbers per mode. A file comes in as a whole
    or not at all, and once.

    \b
    Examples:
      traceql import-runs decode_sweep.csv
      traceql import-runs latency.json --tag gpu=H200 --tag batch_size=8
    """
    from traceql.read import runs
    from traceql.store import held

    if name is not None and len(files) != 1:
        raise click.UsageError(f"--name labels one file, but {len(files)} were given.")
    failed = 0
    with database(db, lake=lake) as opened:
        for file in files:
            try:
                held.spare(file)
                read = runs.read(file, tags=tags, tag_columns=tag_columns, metric_columns=metric_columns)
                stored = opened.import_runs(read, sweep=name, replace=replace)
            except ReportError as error:
                failed += 1
                complain(error)
                continue
            for warning in stored.warnings:
                note(f"{warning}.")
            if quiet:
                continue
            label = readable(stored.sweep)
            if stored.status == "unchanged":
                click.echo(f"{label}: in the database already", err=True)
            else:
                names = readable(f"tags {', '.join(stored.tags)}; metrics {', '.join(stored.metrics)}")
                click.echo(f"{label}: {stored.status}, {counted(stored.runs, 'runs')}; {names}", err=True)
    if failed:
        sys.exit(1)
