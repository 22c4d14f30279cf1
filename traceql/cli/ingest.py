"""The command ingest."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from traceql.cli.common import (
    complain,
    db_option,
    lake_option,
    note,
    quiet_option,
    store,
    tags_option,
    wait_s,
)
from traceql.errors import ReportError
from traceql.present.values import readable
from traceql.read.limits import bytes_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from traceql.store.decode import Via
    from traceql.store.outcomes import Ingested


class _Size(click.ParamType):  # type: ignore[type-arg]
    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return bytes_of(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@db_option()
@lake_option()
@click.option("--name", help="Label of the trace (one report only); by default from the file name.")
@tags_option("Label the traces")
@click.option("--replace", is_flag=True, help="Read reports again that the database holds already.")
@click.option(
    "--keep-environment",
    is_flag=True,
    help="Also store the profiled process's command line and environment, which may hold secrets, and home "
    "folders in texts as they are; the database is then for its owner alone.",
)
@click.option(
    "--via",
    type=click.Choice(["auto", "native", "nsys", "ncu_report"]),
    default="auto",
    show_default=True,
    help="Who decodes .nsys-rep and .ncu-rep: traceql (native), NVIDIA's nsys or ncu_report if installed, "
    "or (auto) that where traceql refuses.",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(1), help="Reports to decode at a time. [default: processors]"
)
@click.option(
    "--memory",
    type=_Size(),
    help="Memory that decoding a report may take, on Linux. [default: half of the machine's, shared by the "
    "reports decoded at a time, but at least 1 GiB and 16 times the report's size]",
)
@click.option(
    "--scheduler",
    metavar="local[:N]",
    help="Decode and store in N processes [default: processors] of this machine; into a lake.",
)
@quiet_option()
def ingest(
    paths: tuple[str, ...],
    db: str,
    lake: bool,
    name: str | None,
    tags: dict[str, str],
    replace: bool,
    keep_environment: bool,
    via: Via,
    jobs: int | None,
    memory: int | None,
    scheduler: str | None,
    quiet: bool,
) -> None:
    """Read reports into the database: files, folders, glob patterns.

    Reads .ncu-rep and older Nsight Compute reports, .nsys-rep and .qdrep, and what nsys export writes (SQLite
    files, parquetdir and arrowdir folders); any of them compressed with xz, zstd or gzip. A report that the
    database holds already is skipped. If one cannot be read the others still come in, and the exit status
    is 1. The database itself and what lies beside it or beside reports (sidecars) are passed over.

    Several may bring reports into one database at a time: each waits for the others, as --wait says. A lake
    (--lake) is a folder of Parquet files into which many processes and machines store at the same time.

    \b
    Examples:
      traceql ingest run.ncu-rep
      traceql ingest results/ --tag gpu=h200 --tag batch=8
      traceql ingest --name baseline before.sqlite
      traceql ingest --memory 24GB huge.nsys-rep
      traceql ingest --db nightly/ --lake results/
    """
    from traceql.store.decode import find_reports

    reports = find_reports(paths, db)
    if name is not None and len(reports) != 1:
        raise click.UsageError(f"--name labels one report, but {len(reports)} were found.")
    processes = _processes(scheduler, db, lake)
    progress = _Progress(len(reports), quiet)
    options = _Options(name, tags, replace, keep_environment, via, memory)
    if processes:
        stored = _spread(reports, db, processes, options)
    else:
        stored = _one_after_the_other(reports, db, lake, jobs, options, progress)
    failed = 0
    # An interrupt ends what still runs.
    with progress, closing(stored):
        for path, became in stored:
            if isinstance(became, ReportError):
                failed += 1
                complain(became)
            else:
                progress.done(path, became)
    if failed:
        if len(reports) > 1:
            click.echo(f"{failed} of {len(reports)} reports could not be read.", err=True)
        sys.exit(1)


class _Options(NamedTuple):
    """What holds for every report."""

    name: str | None
    tags: dict[str, str]
    replace: bool
    keep_environment: bool
    via: Via
    memory: int | None


def _processes(scheduler: str | None, db: str, lake: bool) -> int | None:
    """How many processes store; None where this one does."""
    if scheduler is None:
        return None
    from traceql.store.lake.place import is_one
    from traceql.store.spread import processes_of

    found = processes_of(scheduler)
    if found is None:
        raise click.BadParameter(
            f"{scheduler!r}. Write local, or local:N for N processes.", param_hint="--scheduler"
        )
    if not lake and not is_one(db):
        raise click.UsageError(
            "--scheduler stores from several processes, which a lake takes (--lake), and a file does not: "
            "--jobs decodes side by side."
        )
    return found


def _one_after_the_other(
    reports: list[Path], db: str, lake: bool, jobs: int | None, options: _Options, progress: _Progress
) -> Generator[tuple[Path, Ingested | ReportError], None, None]:
    """Decode side by side, and store in this process; what became of each report."""
    from traceql.store.decode import decode_all

    decoding = decode_all(reports, jobs, options.via, progress.update, memory_bytes=options.memory)
    # While the first reports are being decoded, the database engine loads.
    from traceql.store import ingest as rows

    with store(db, lake=lake) as opened:
        opened.prepare()
        for path, decoded in decoding:
            if isinstance(decoded, ReportError):
                yield path, decoded
                continue
            try:
                became: Ingested | ReportError = rows.add(
                    opened,
                    decoded,
                    name=options.name,
                    tags=options.tags,
                    replace=options.replace,
                    keep_environment=options.keep_environment,
                )
            except ReportError as error:
                became = error
            finally:
                decoded.close()
            yield path, became


def _spread(
    reports: list[Path], db: str, processes: int, options: _Options
) -> Generator[tuple[Path, Ingested | ReportError], None, None]:
    """Decode and store in processes of their own; what became of each report."""
    from traceql.store import spread

    with store(db, lake=True) as opened:
        opened.prepare()
    work = spread.Work(
        db,
        wait_s(),
        min(processes, len(reports)),
        name=options.name,
        tags=options.tags,
        replace=options.replace,
        keep_environment=options.keep_environment,
        via=options.via,
        memory_bytes=options.memory,
    )
    yield from spread.ingest_all(reports, work)


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
                readable(path.name).replace("[", "\\["), total=total, rate=""
            )
        rate = done / max(time.perf_counter() - self._began, 1e-9)
        self._bar.update(self._tasks[path], completed=done, total=total, rate=f"{rate:,.0f}/s")

    def done(self, path: Path, stored: Ingested) -> None:
        if self._bar is not None and path in self._tasks:
            self._bar.remove_task(self._tasks.pop(path))
        if self._quiet:
            return
        name = readable(stored.name)
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
