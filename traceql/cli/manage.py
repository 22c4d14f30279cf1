"""Commands about traces: ingest, ls, info, drop; and shell completion."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceql.cli.common import complain, complete_trace, db_option, note
from traceql.cli.output import output_options, printable, shown, write
from traceql.errors import DatabaseError, ReportError
from traceql.questions import catalog

if TYPE_CHECKING:
    from traceql.database import Ingested
    from traceql.store.decode import Via


def parse_tags(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Callback of options that take ``name=value``, such as ``--tag``."""
    tags = {}
    for value in values:
        name, equals, content = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{value!r}. Write name=value.")
        tags[name] = content
    return tags


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@db_option()
@click.option("--name", help="Label of the trace (one report only); by default from the file name.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    callback=parse_tags,
    metavar="NAME=VALUE",
    help="Label the traces; repeatable.",
)
@click.option("--replace", is_flag=True, help="Read reports again that the database holds already.")
@click.option(
    "--keep-environment",
    is_flag=True,
    help="Also store the profiled process's command line and environment, which may hold secrets.",
)
@click.option(
    "--via",
    type=click.Choice(["auto", "native", "nsys"]),
    default="auto",
    show_default=True,
    help="Who decodes an .nsys-rep: traceql, an installed nsys, or nsys where traceql refuses.",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(1), help="Reports to decode at a time. [default: processors]"
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing about what went well.")
def ingest(
    paths: tuple[str, ...],
    db: str,
    name: str | None,
    tags: dict[str, str],
    replace: bool,
    keep_environment: bool,
    via: Via,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Read reports into the database: files, folders, glob patterns.

    Reads .ncu-rep and older Nsight Compute reports, .nsys-rep and .qdrep, and what nsys export writes (SQLite
    files, parquetdir and arrowdir folders); any of them compressed with xz, zstd or gzip. A report that the
    database holds already is skipped. If one cannot be read the others still come in, and the exit status
    is 1.

    \b
    Examples:
      traceql ingest run.ncu-rep
      traceql ingest results/ --tag gpu=h200 --tag batch=8
      traceql ingest --name baseline before.sqlite
    """
    from traceql.store.decode import decode_all, find_reports

    reports = find_reports(paths)
    if name is not None and len(reports) != 1:
        raise click.UsageError(f"--name labels one report, but {len(reports)} were found.")
    failed = 0
    progress = _Progress(len(reports), quiet)
    decoding = decode_all(reports, jobs, via, progress.update)
    # While the first reports are being decoded, the database engine loads.
    from traceql.database import Database

    with Database(db) as database, progress:
        database.prepare()
        for path, decoded in decoding:
            try:
                if isinstance(decoded, ReportError):
                    raise decoded
                try:
                    stored = database.store(
                        decoded, name=name, tags=tags, replace=replace, keep_environment=keep_environment
                    )
                finally:
                    decoded.close()
            except ReportError as error:
                failed += 1
                complain(error)
            else:
                progress.done(path, stored)
    if failed:
        if len(reports) > 1:
            click.echo(f"{failed} of {len(reports)} reports could not be read.", err=True)
        sys.exit(1)


class _Progress:
    """Progress and summaries on standard error: a bar on a terminal, one line per report everywhere."""

    def __init__(self, reports: int, quiet: bool) -> None:
        self._reports = reports
        self._quiet = quiet
        self._bar: Any = None
        self._tasks: dict[Path, Any] = {}
        self._began = time.perf_counter()

    def __enter__(self) -> _Progress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, path: Path, done: int, total: int | None) -> None:
        if self._bar is None:
            return
        if path not in self._tasks:
            self._tasks[path] = self._bar.add_task(
                printable(path.name).replace("[", "\\["), total=total, rate=""
            )
        rate = done / max(time.perf_counter() - self._began, 1e-9)
        self._bar.update(self._tasks[path], completed=done, total=total, rate=f"{rate:,.0f}/s")

    def done(self, path: Path, stored: Ingested) -> None:
        if self._bar is not None and path in self._tasks:
            self._bar.remove_task(self._tasks.pop(path))
        if self._quiet:
            return
        name = printable(stored.name)
        if stored.status == "unchanged":
            click.echo(f"{name}: in the database already, left as it is (--replace reads it again)", err=True)
            return
        counts = ", ".join(f"{n:,} {table}" for table, n in stored.rows.items() if n)
        seconds = time.perf_counter() - self._began
        events = sum(stored.rows.values())
        speed = f" ({events / seconds:,.0f} rows/s)" if self._reports == 1 else ""
        click.echo(f"{name}: {stored.status}{speed}\n  {counts or 'no events'}", err=True)
        if len(stored.missing) == 1:
            (table, option), *_ = stored.missing.items()
            click.echo(f"  not recorded: {table} ({option})", err=True)
        elif stored.missing:
            click.echo(
                f"  not recorded: {', '.join(stored.missing)} (traceql info {name} says how to)", err=True
            )
        for warning in stored.warnings:
            note(f"{name}: {warning}")


@click.command()
@db_option()
@output_options
def ls(db: str, format_: str | None, output: str | None) -> None:
    """List the traces in the database."""
    from traceql.database import Database

    with Database(db) as database:
        write(
            database.arrow(
                """
                SELECT name, kind, tool_version, gpu, captured_at,
                       round(duration_ns / 1e6, 3) AS duration_ms, tags
                FROM traces ORDER BY trace_id
                """
            ),
            format_,
            output,
        )


@click.command()
@click.argument("path_or_trace", shell_complete=complete_trace)
@db_option()
@output_options
def info(path_or_trace: str, db: str, format_: str | None, output: str | None) -> None:
    """Describe a trace of the database, or a report file without ingesting it.

    \b
    Examples:
      traceql info run.ncu-rep
      traceql info baseline --format json
    """
    from traceql.database import MEMORY, Database

    is_file = Path(path_or_trace).exists()
    if Path(db).exists():
        try:
            with Database(db) as database:
                names = database.arrow("SELECT name FROM traces").column("name").to_pylist()
                if path_or_trace in names:
                    write(_described(database, path_or_trace, format_, output), format_, output)
                    return
        except DatabaseError:
            # A file can be described whatever is the matter with the database beside it.
            if not is_file:
                raise
    if not is_file:
        raise ReportError(
            f"{path_or_trace}: neither a trace in {db} nor a file",
            "Traces: traceql ls. Files: check the path.",
        )
    with Database(MEMORY) as database:
        stored = database.ingest(path_or_trace)
        write(_described(database, stored.name, format_, output), format_, output)


def _described(database: Any, trace: str, format_: str | None, output: str | None) -> Any:
    import pyarrow as pa

    facts = _facts(database, trace)
    values = [shown(value, format_, output) for _, value in facts]
    return pa.table({"property": [name for name, _ in facts], "value": values})


def _facts(database: Any, trace: str) -> list[tuple[str, object]]:
    row = database.arrow("FROM traces WHERE name = $name", {"name": trace}).to_pylist(
        maps_as_pydicts="strict"
    )[0]
    facts: list[tuple[str, object]] = [
        (key, value)
        for key, value in row.items()
        if key not in ("trace_id", "settings", "tags", "warnings", "missing") and value is not None
    ]
    facts += [(f"setting: {key}", value) for key, value in json.loads(row["settings"] or "{}").items()]
    facts += [(f"tag: {key}", value) for key, value in row["tags"].items()]
    rows = database.rows(trace)
    if rows["nvtx_ranges"] or rows["ncu_ranges"]:
        facts += _coverage(database, trace)
    facts += [(f"rows: {table}", count) for table, count in rows.items() if count]
    facts += [(f"not recorded: {table}", option) for table, option in database.missing(trace).items()]
    facts += [("warning", warning) for warning in row["warnings"]]
    return facts


def _coverage(database: Any, trace: str) -> list[tuple[str, object]]:
    """How much of the GPU work is attributed to NVTX ranges."""
    found = database.arrow(catalog.find("coverage").sql, {"trace": trace}).to_pylist()
    return [
        (f"in NVTX ranges: {what}", f"{row[f'{column}_in_ranges_pct']:.1f} %")
        for row in found
        for what, column in (("kernels", "kernels"), ("GPU time", "gpu"))
        if row[f"{column}_in_ranges_pct"] is not None
    ]


@click.command()
@click.argument("traces", nargs=-1, required=True, shell_complete=complete_trace)
@db_option()
def drop(traces: tuple[str, ...], db: str) -> None:
    """Remove traces from the database (the report files stay where they are)."""
    from traceql.database import Database

    with Database(db) as database:
        database.drop(*traces)
    for trace in traces:
        click.echo(f"{printable(trace)}: dropped", err=True)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes traceql commands in a shell.

    \b
    bash:  traceql completion bash >> ~/.bashrc
    zsh:   traceql completion zsh >> ~/.zshrc
    fish:  traceql completion fish > ~/.config/fish/completions/traceql.fish
    """
    from click.shell_completion import get_completion_class

    from traceql.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    # bash's own check of the shell's version is of no use where the script may be made for another machine.
    click.echo(found.source_template % found(cli, {}, "traceql", "_TRACEQL_COMPLETE").source_vars())
