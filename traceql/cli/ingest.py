"""The command ingest."""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from traceql.cli.common import (
    Size,
    before_arrow,
    complain,
    db_option,
    import_pyarrow,
    lake_option,
    note,
    quiet_option,
    say,
    scheduler_option,
    store,
    tags_option,
)
from traceql.errors import ReportError
from traceql.present.values import counted, listed, readable
from traceql.read import formats
from traceql.read.limits import sized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from traceql.store.decode import Via
    from traceql.store.outcomes import Ingested


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
    type=Size(),
    help="Memory that decoding a report may take, on Linux. [default: half of the machine's, shared by the "
    "reports decoded at a time, but at least 1 GiB and 16 times the report's size]",
)
@scheduler_option("read, into a lake")
@click.option(
    "--send", is_flag=True, help="Send the reports to the workers of --scheduler, which cannot read them."
)
@click.option(
    "--watch",
    is_flag=True,
    help="Go on: read what comes into the folders, too, until Ctrl-C. One that cannot be read is tried again "
    "when it has changed.",
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
    send: bool,
    watch: bool,
    quiet: bool,
) -> None:
    """Read reports into the database: files, folders, glob patterns.

    Reads .ncu-rep and older Nsight Compute reports, .nsys-rep and .qdrep, and what nsys export writes (SQLite
    files, parquetdir and arrowdir folders); any of them compressed with xz, zstd or gzip. A report that the
    database holds already is skipped, and keeps its name and tags: it says what differs. If one cannot be
    read the others still come in, and the exit status is 1. The database itself and what lies beside it or
    beside reports (sidecars) are passed over.

    Small reports that follow each other are made into rows side by side, and
    stored together; each comes in as a whole or not at all.

    Several may bring reports into one database at a time: each waits for the others, as --wait says. A lake
    (a --db that ends in / or is a folder, or --lake) is a folder of Parquet files into which many processes
    and machines store at the same time.

    \b
    Examples:
      traceql ingest run.ncu-rep
      traceql ingest results/ --tag gpu=h200 --tag batch=8
      traceql ingest --name baseline before.sqlite
      traceql ingest --memory 24GB huge.nsys-rep
      traceql ingest --watch results/
      traceql ingest --db nightly/ --lake results/
      traceql ingest --db nightly/ --lake --scheduler tcp://head:8786 results/
    """
    from traceql.store.decode import find_reports

    options: dict[str, Any] = {"tags": tags, "replace": replace, "keep_environment": keep_environment}
    if watch:
        for option, given in (("--name", name), ("--scheduler", scheduler), ("--send", send)):
            if given:
                raise click.UsageError(f"{option} does not go with --watch.")
        _watch(paths, db, lake, jobs, via, memory, quiet, options)
        return
    reports = find_reports(paths, db)
    if name is not None and len(reports) != 1:
        raise click.UsageError(f"--name labels one report, but {len(reports)} were found.")
    progress = _Progress(len(reports), quiet)
    options["name"] = name
    if scheduler is not None:
        if jobs is not None:
            raise click.UsageError("--jobs is how many this process decodes: leave it out with --scheduler.")
        options |= {"via": via, "memory_bytes": memory}
        failed = _by_workers(scheduler, reports, db, lake, send, options, progress)
    elif send:
        raise click.UsageError("--send is for the workers of --scheduler.")
    else:
        failed = _here(reports, db, lake, jobs, via, memory, options, progress)
    if failed:
        if len(reports) > 1:
            click.echo(f"{failed} of {len(reports)} reports could not be read.", err=True)
        sys.exit(1)


def _watch(
    paths: tuple[str, ...],
    db: str,
    lake: bool,
    jobs: int | None,
    via: Via,
    memory: int | None,
    quiet: bool,
    options: Mapping[str, Any],
) -> None:
    """Read what is in folders and what comes into them, until interrupted."""
    from pathlib import Path

    from traceql.cli.watch import watch

    for path in paths:
        if not Path(path).is_dir():
            raise click.UsageError(f"{path}: --watch looks into folders.")

    def read(reports: list[Path]) -> None:
        _here(reports, db, lake, jobs, via, memory, options, _Progress(len(reports), quiet))

    watch([Path(path) for path in paths], db, read, quiet=quiet)


def _by_workers(
    scheduler: str,
    reports: list[Path],
    db: str,
    lake: bool,
    send: bool,
    options: Mapping[str, Any],
    progress: _Progress,
) -> int:
    """Let workers read the reports into a lake; returns how many could not be read."""
    import_pyarrow()
    from traceql.cluster import ingesting
    from traceql.cluster.workers import workers

    failed = 0
    with store(db, lake=lake) as opened, workers(scheduler) as helping, progress:
        ingesting.check(opened)
        opened.prepare()
        told = ingesting.ingest_all(
            helping, reports, opened.place, wait_s=opened.patience.wait_s, send=send, options=options
        )
        for path, outcome in told:
            if isinstance(outcome, ReportError):
                failed += 1
                complain(outcome)
            else:
                progress.done(path, outcome)
    return failed


def _here(
    reports: list[Path],
    db: str,
    lake: bool,
    jobs: int | None,
    via: Via,
    memory: int | None,
    options: Mapping[str, Any],
    progress: _Progress,
) -> int:
    """Read the reports in this process; returns how many could not be read."""
    from traceql.store.read_in import read_all

    failed = 0
    with ExitStack() as stack, progress:
        for path, outcome in read_all(
            lambda: stack.enter_context(store(db, lake=lake)),
            reports,
            jobs=jobs,
            via=via,
            memory_bytes=memory,
            progress=progress.update,
            before_arrow=before_arrow(),
            early=not os.path.lexists(db),
            **options,
        ):
            if isinstance(outcome, ReportError):
                failed += 1
                complain(outcome)
            else:
                progress.done(path, outcome)
    return failed


def _size(path: Path) -> str:
    """How large a report is, as it lies there."""
    files = path.iterdir() if path.is_dir() else [path]
    return sized(sum(file.stat().st_size for file in files))


class _Progress:
    """Progress and summaries on standard error: a bar on a terminal, one line per report everywhere."""

    def __init__(self, reports: int, quiet: bool) -> None:
        self._reports = reports
        self._quiet = quiet
        self._bar: Any = None
        self._tasks: dict[Path, Any] = {}
        self._began = time.perf_counter()
        self._warnings: dict[str, list[str]] = {}
        # What was not recorded → the first report of which that is said.
        self._missing: dict[tuple[str, ...], str] = {}

    def __enter__(self) -> _Progress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._warn()

    def update(self, path: Path, done: int, total: int | None) -> None:
        if self._bar is None:
            return
        if path not in self._tasks:
            self._tasks[path] = self._bar.add_task(
                f"{readable(path.name)} ({_size(path)})".replace("[", "\\["),
                total=total,
                rate="",
                left="left",
            )
        rate = done / max(time.perf_counter() - self._began, 1e-9)
        self._bar.update(self._tasks[path], completed=done, total=total, rate=f"{rate:,.0f}/s")

    def done(self, path: Path, stored: Ingested) -> None:
        if self._bar is not None and path in self._tasks:
            self._bar.remove_task(self._tasks.pop(path))
        if self._quiet:
            return
        name = stored.name
        if stored.status == "unchanged":
            say(f"{name}: in the database already, left as it is (--replace reads it again)")
            self._keep(stored)
            return
        counts = ", ".join(counted(n, table) for table, n in stored.rows.items() if n)
        seconds = time.perf_counter() - self._began
        events = sum(stored.rows.values())
        speed = f" ({events / seconds:,.0f} rows/s)" if self._reports == 1 else ""
        say(f"{name}: {stored.status}{speed}")
        for line in (counts or "no events", *self._lacking(stored)):
            say(f"  {line}", margin="    ")
        self._keep(stored)

    def _lacking(self, stored: Ingested) -> Iterator[str]:
        """What was not recorded, said once of all reports that lack the same, and what is not read."""
        missing = tuple(stored.missing)
        if len(missing) == 1:
            yield f"not recorded: {missing[0]} ({stored.missing[missing[0]]})"
        elif missing and (other := self._missing.setdefault(missing, stored.name)) != stored.name:
            yield f"not recorded: the same {len(missing)} as in {other}"
        elif missing:
            yield f"not recorded: {', '.join(missing)} (traceql info {shlex.quote(stored.name)} says how to)"
        if stored.unread:
            yield f"recorded, not read: {', '.join(stored.unread)}"

    def _keep(self, stored: Ingested) -> None:
        """Keep the warnings for the end: what several reports have in common is said once."""
        for warning in stored.warnings:
            self._warnings.setdefault(warning, []).append(stored.name)

    def _warn(self) -> None:
        """Say the warnings: those of few reports first, and last what every report of a format has."""
        for text, names in sorted(
            self._warnings.items(), key=lambda one: (one[0] in formats.ALWAYS_SAID, len(one[1]))
        ):
            note(f"{listed(names, 'reports')}: {text}")
        self._warnings.clear()
