"""From paths to decoded reports: find, unpack, choose a reader, decode, several at a time.

Nothing here knows the database; `database` stores what comes out.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from traceql import normalise, readers
from traceql.errors import ReportError
from traceql.readers import worker
from traceql.readers.base import RawReport, no_progress
from traceql.readers.source import Source, open_source, plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from traceql.readers.base import Progress


@dataclass
class Decoded:
    """A decoded report with the files it needs while its tables are read; `close` lets go of them."""

    path: Path
    source: Source
    reader: readers.Reader
    report: RawReport
    _resources: ExitStack = field(repr=False)

    def close(self) -> None:
        """Remove temporary copies."""
        self._resources.close()


def find_reports(paths: Iterable[str | Path]) -> list[Path]:
    """Every report meant by `paths`: files, exported folders, folders of reports, glob patterns.

    Raises:
        ReportError: a path does not exist, or a folder or pattern holds no report.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found.update(dict.fromkeys(_in_directory(path)))
        elif path.exists() or not glob.has_magic(str(given)):
            found[path] = None
        else:
            matches = [Path(p) for p in sorted(glob.glob(str(given), recursive=True))]  # noqa: PTH207
            if not matches:
                raise ReportError(f"{given}: nothing matches", "Check the pattern.")
            found.update(dict.fromkeys(matches))
    return list(found)


def _in_directory(path: Path) -> list[Path]:
    with contextlib.suppress(ReportError):
        readers.reader_for(path)
        return [path]
    found = []
    for child in sorted(path.iterdir()):
        if child.is_dir():
            with contextlib.suppress(ReportError):
                found.extend(_in_directory(child))
        elif readers.claimed(plain_name(child.name)) is not None:
            found.append(child)
    if not found:
        raise ReportError(f"{path}: the directory holds no reports", readers.known_formats())
    return found


def decode(path: Path, *, in_process: bool = True, progress: Progress = no_progress) -> Decoded:
    """Decode one report.

    Args:
        path: file or exported folder.
        in_process: False to decode in a child process even where the reader does not insist on it.
        progress: see `base.Progress`.

    Raises:
        ReportError: it cannot be read.
    """
    with ExitStack() as resources:
        source = resources.enter_context(open_source(path))
        reader = readers.reader_for(source.path, source.file_name)
        wanted = normalise.wanted(reader.kind)
        if reader.isolated or not in_process:
            report = worker.decode(reader, source.path, wanted=wanted, progress=progress)
        else:
            report = reader.read(source.path, wanted=wanted, progress=progress)
        return Decoded(path, source, reader, report, resources.pop_all())


def decode_all(
    paths: list[Path],
    jobs: int | None = None,
    progress: Callable[[Path, int, int | None], None] | None = None,
) -> Iterator[tuple[Path, Decoded | ReportError]]:
    """Decode reports side by side and yield them in the given order, errors in place of reports.

    At most `jobs` (default: the number of processors) are decoded or waiting to be taken.
    """
    jobs = jobs or os.process_cpu_count() if hasattr(os, "process_cpu_count") else jobs or os.cpu_count()

    def one(path: Path) -> Decoded | ReportError:
        def watch(done: int, total: int | None) -> None:
            if progress:
                progress(path, done, total)

        try:
            return decode(path, in_process=len(paths) == 1, progress=watch)
        except ReportError as error:
            return error

    if len(paths) == 1:
        yield paths[0], one(paths[0])
        return
    waiting: deque[tuple[Path, Future[Decoded | ReportError]]] = deque()
    remaining = iter(paths)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while True:
                while len(waiting) < (jobs or 1) and (path := next(remaining, None)) is not None:
                    waiting.append((path, pool.submit(one, path)))
                if not waiting:
                    return
                path, future = waiting.popleft()
                yield path, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
                future.add_done_callback(_discard)


def _discard(future: Future[Decoded | ReportError]) -> None:
    if not future.cancelled() and isinstance(result := future.result(), Decoded):
        result.close()
