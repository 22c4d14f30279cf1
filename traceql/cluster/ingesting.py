"""Reports → a lake, each by one worker: as `Database.ingest` reads it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from traceql.errors import ClusterError, ReportError
from traceql.questions import catalog
from traceql.read import sidecar, temporary
from traceql.store import choice, read_in
from traceql.store.definitions import Definitions
from traceql.store.lake.store import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql.cluster.workers import Workers
    from traceql.store.connection import Store
    from traceql.store.outcomes import Ingested


@dataclass(frozen=True)
class Job:
    """One report for one worker.

    Attributes:
        lake: where it goes, by the path that the worker knows.
        report: the report, by the path that the worker knows.
        options: of `read_in.read_in`.
        wait_s: see `traceql.open`.
        content: what lies at the report's path and beside it, by names relative to its folder, if it is sent
            along; None if the worker reads it itself.
    """

    lake: str
    report: str
    options: Mapping[str, Any]
    wait_s: float
    content: Mapping[str, bytes] | None = field(default=None, repr=False)


def ingest(job: Job) -> Ingested:
    """What a worker does.

    Raises:
        ReportError: the report cannot be read.
        DatabaseError: the lake cannot be written from there.
    """
    store = choice.store(job.lake, definitions=Definitions(catalog.load(())), lake=True, wait_s=job.wait_s)
    with contextlib.closing(store):
        if job.content is None:
            return read_in.read_in(store, Path(job.report), **job.options)
        with temporary.folder() as folder:
            for name, content in job.content.items():
                file = folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            return read_in.read_in(store, folder / PurePath(job.report).name, **job.options)


def check(store: Store) -> None:
    """Whether several may store at once.

    Raises:
        ClusterError: they may not.
    """
    if not isinstance(store, Lake):
        raise ClusterError(
            f"{store.path}: a file has one writer", "Let workers store into a lake: --db FOLDER --lake."
        )


def ingest_all(
    workers: Workers,
    reports: Sequence[Path],
    lake: str,
    *,
    wait_s: float,
    send: bool = False,
    options: Mapping[str, Any],
) -> Iterator[tuple[Path, Ingested | ReportError]]:
    """Bring reports into a lake; yields what became of each, in their order.

    Args:
        workers: who does it.
        reports: to read.
        lake: the place of one, which all workers can reach.
        wait_s: see `traceql.open`.
        send: give the workers the reports themselves, which lie where they cannot read.
        options: of `read_in.read_in`.

    Raises:
        TraceqlError: the lake cannot be written; other reports may be in it already.
    """
    given = reports if send else [report.resolve() for report in reports]
    jobs = (
        Job(
            lake,
            str(report),
            options,
            wait_s,
            _content(report) if send else None,
        )
        for report in given
    )
    ready: dict[int, Ingested | ReportError] = {}
    first = 0
    for number, outcome in workers.each(ingest, jobs):
        if isinstance(outcome, ClusterError):
            ready[number] = ReportError(f"{reports[number].name}: {outcome.message}", outcome.remedy)
        elif isinstance(outcome, Exception) and not isinstance(outcome, ReportError):
            raise outcome
        else:
            ready[number] = outcome
        while first in ready:
            yield reports[first], ready.pop(first)
            first += 1


def _content(report: Path) -> dict[str, bytes]:
    """A report, a file or a folder, with its sidecar."""
    files = sorted(path for path in report.rglob("*") if path.is_file()) if report.is_dir() else [report]
    beside = sidecar.path_of(report)
    return {
        path.relative_to(report.parent).as_posix(): path.read_bytes()
        for path in [*files, *([beside] if beside.is_file() else [])]
    }
