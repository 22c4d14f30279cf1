"""From paths to decoded reports: find, unpack, choose a reader, decode, several at a time.

Nothing here knows the database; `ingest` stores what comes out.
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
import threading
import weakref
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

from traceql.errors import LimitError, ReportError, TruncatedReportError
from traceql.read import formats, kinds, nsys_tool, processes, sidecar, temporary, worker
from traceql.read.arriving import Arriving, Tables
from traceql.read.base import RawReport, no_progress
from traceql.read.limits import limits
from traceql.read.source import Source, digest_of, open_source, packed_names, plain_name
from traceql.store import held, interrupts
from traceql.store.lake import place
from traceql.tables import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from traceql.read.base import Progress, RawTable
    from traceql.read.limits import Limits


# Every process keeps some 150 MB for NVIDIA's library, and more with the report.
_MAX_PARTS = 4
_BYTES_PER_PART = 1_000_000
# Bytes that the rows of an .nsys-rep, or of a parquetdir, take for each of its own: four.
_ROWS_PER_BYTE: Final = 4


class Closable(Protocol):
    """What holds a decoded report, or is one."""

    def close(self) -> None:
        """Remove temporary copies."""


T = TypeVar("T", bound=Closable)
#: Who decodes a report of the profilers' own formats.
Via = Literal["auto", "native", "nsys", "ncu_report"]
# Format → NVIDIA's own software that decodes it, too.
_TOOLS: Final[Mapping[str, Via]] = {"nsys-rep": "nsys", "ncu-rep": "ncu_report"}


class Decoded:
    """A decoded report, or one that is being decoded, with the files it needs while its tables are read.

    Args:
        path: as it was named.
        source: the file.
        reader: of it.
        report: what has been decoded; None while it is being decoded.
        sidecar: what lay beside the report; None when there was nothing, or nothing usable: then the report's
            warnings say so.
        resources: to let go of.
        arriving: its tables.
        stop: ends what decodes.

    Attributes:
        path: see above.
        source: see above.
        reader: see above.
        sidecar: see above.
        arriving: see above.
    """

    def __init__(
        self,
        path: Path,
        source: Source,
        reader: formats.Reader,
        report: RawReport | None,
        sidecar: sidecar.Sidecar | None,
        resources: ExitStack,
        arriving: Arriving | None = None,
        stop: worker.Stop | None = None,
    ) -> None:
        self.path = path
        self.source = source
        self.reader = reader
        self.sidecar = sidecar
        self.arriving = arriving or Arriving(None)
        if report is not None:
            self.arriving.end(report)
        self._stop = stop
        self._lock = threading.Lock()
        self._resources = resources
        self._is_closed = False

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self.arriving.is_over

    @property
    def kind(self) -> str:
        """The profiler that recorded it, see `traceql.read.kinds`."""
        return self.report.kind if self.is_whole else self.reader.kind

    @property
    def rows_bytes(self) -> int:
        """Of all tables together as they are decoded; a guess while that goes on."""
        return self.arriving.size_bytes if self.is_whole else _ROWS_PER_BYTE * self.source.size_bytes

    @property
    def report(self) -> RawReport:
        """What has been decoded, when it has been.

        Raises:
            ReportError: it cannot be read.
        """
        return self.arriving.report()

    @property
    def tables(self) -> Mapping[str, RawTable]:
        """The report's tables; whoever asks for one waits for it."""
        return self.report.tables if self.is_whole else Tables(self.arriving)

    @property
    def named(self) -> Sequence[tuple[str, str]]:
        """Facts about processes whose homes and users texts may name, when they are known.

        Raises:
            ReportError: the report cannot be read.
        """
        return self.arriving.named()

    def hold(self, resources: ExitStack) -> None:
        """Let go of these, too, in the end."""
        with self._lock:
            if not self._is_closed:
                self._resources.push(resources)
                return
        resources.close()

    def close(self) -> None:
        """End what decodes it, and remove temporary copies."""
        if self._stop is not None and not self.is_whole:
            self._stop.interrupt()
        with self._lock:
            self._is_closed = True
        self._resources.close()


def find_reports(paths: Iterable[str | Path], database: str | Path | None = None) -> list[Path]:
    """Every report meant by `paths`: files, exported folders, folders of reports, glob patterns.

    Args:
        paths: as a user writes them. What only lies beside reports is passed over (sidecars, what SQLite
            keeps while it writes).
        database: into which they go; it and what lies beside it on its behalf are passed over, too. Nothing
            is opened for that.

    Raises:
        ReportError: a path does not exist, or a folder or pattern holds no report, or nothing else is named.
    """
    found: dict[Path, None] = {}
    passed: dict[Path, None] = {}

    def add(*paths: Path) -> None:
        for path in paths:
            of_it = database is not None and held.belongs_to(path, Path(database))
            (passed if of_it or _beside_report(path) else found)[path] = None

    for given in paths:
        path = _named(Path(given))
        if database is not None and held.belongs_to(path, Path(database)):
            passed[path] = None
        elif path.is_dir():
            add(*_in_directory(path))
        elif path.exists() or not glob.has_magic(str(given)):
            add(path)
        else:
            matches = [Path(p) for p in sorted(glob.glob(str(given), recursive=True))]  # noqa: PTH207
            if not matches:
                raise ReportError(f"{given}: nothing matches", "Check the pattern.")
            add(*matches)
    if not found and passed:
        names = ", ".join(path.name for path in passed)
        raise ReportError(
            f"{names}: no report, but the database or what lies beside it or beside reports", "Name a report."
        )
    return list(found)


def _beside_report(path: Path) -> bool:
    """Whether a file is of use only together with another one, which is there."""
    for suffix in (sidecar.SUFFIX, "-journal", "-wal", "-shm"):
        if path.name.endswith(suffix):
            report = path.with_name(path.name.removesuffix(suffix))
            return bool(report.name) and any(
                place.exists() for place in (report, *map(report.with_name, packed_names(report.name)))
            )
    return False


def _named(path: Path) -> Path:
    """The path, with a name of its own: "." has none."""
    return path if path.name not in ("", "..") else path.resolve()


def _in_directory(path: Path) -> list[Path]:
    with contextlib.suppress(ReportError):
        formats.reader_for(path)
        return [path]
    found = []
    for child in sorted(path.iterdir()):
        if child.is_dir():
            if child.is_symlink() or child.name.startswith(".") or (child / place.MARKER).exists():
                # It may lead back to where the search began; its reports are being recorded; it is a lake.
                continue
            with contextlib.suppress(ReportError):
                found.extend(_in_directory(child))
        elif formats.claimed(plain_name(child.name)) is not None:
            found.append(child)
    if not found:
        raise ReportError(f"{path}: the directory holds no reports", formats.known_formats())
    return found


def decode(
    path: Path,
    *,
    at_a_time: int = 1,
    via: Via = "auto",
    memory_bytes: int | None = None,
    progress: Progress = no_progress,
    begun: Callable[[], None] | None = None,
    early: Callable[[Decoded], None] | None = None,
) -> Decoded:
    """Decode one report.

    Args:
        path: file or exported folder.
        at_a_time: reports that are being decoded side by side. Alone, a large report that can be divided has
            several processes.
        via: who decodes an .nsys-rep or .ncu-rep: native, NVIDIA's software if it is installed (nsys,
            ncu_report), or (auto) that where native refuses.
        memory_bytes: what decoding may take; by default see `limits`.
        progress: see `base.Progress`.
        begun: is called when nothing is left to be done but to wait, for the first time; before pyarrow is
            needed.
        early: is given the report when the decoding has begun, if nothing can take it back but an error: what
            is returned later is the same object.

    Raises:
        ReportError: it cannot be read.
    """
    path = _named(path)
    if begun is not None and plain_name(path.name) != path.name:
        # It is unpacked first.
        begun()
    # This process may have it open, and a close would give up its lock.
    held.spare(path)
    with ExitStack() as resources, interrupts.running(stop := worker.Stop()):
        source = resources.enter_context(open_source(path, _no_part))
        reader = formats.reader_for(source.path, source.file_name)
        tool = _TOOLS.get(reader.format)
        within = limits(source.size_bytes, memory_bytes=memory_bytes, at_a_time=at_a_time)
        parts = _parts(source.size_bytes) if at_a_time == 1 else 1
        if early is not None and via == "auto" and tool is not None and _installed(tool):
            # That may have to decode it anew.
            early = None
        if early is not None and not reader.divisible:
            # What is decoded is stored meanwhile.
            parts = max(1, parts - 1)

        arriving = Arriving(None)
        coming: Decoded | None = None
        # Once, and only when it takes nobody's time.
        beside = cache(partial(_sidecar, path, source, reader.kind))

        def at_it() -> None:
            nonlocal coming
            if early is not None:
                coming = Decoded(path, source, reader, None, beside()[0], ExitStack(), arriving, stop)
                early(coming)
            if begun is not None:
                begun()

        def read(by: formats.Reader, path: Path = source.path) -> RawReport:
            nonlocal arriving
            arriving = Arriving(lambda: resources.enter_context(temporary.folder()))
            return worker.decode(
                by,
                path,
                wanted=normalise.wanted(by.kind),
                progress=progress,
                parts=parts,
                within=within,
                stop=stop,
                arriving=arriving,
                begun=at_it,
            )

        try:
            if tool is not None and via == tool:
                report = _through(tool, source, resources, read, within, stop)
            else:
                try:
                    report = read(reader)
                except (TruncatedReportError, LimitError):
                    raise
                except ReportError as error:
                    if via != "auto" or tool is None or not _installed(tool):
                        # The user knows the report by its own name, not by that of an unpacked copy.
                        remedy = error.remedy.replace(str(source.path), source.file_name)
                        raise type(error)(error.message, remedy) from error
                    report = _through(tool, source, resources, read, within, stop)
                    refused = f"The native reader refused it: {error.message}."
                    report = replace(report, warnings=[*report.warnings, refused])
            found, warnings = beside()
            report = replace(report, warnings=[*report.warnings, *warnings])
            # It takes less time than to decode: nobody waits for it later.
            source.digest.result()
        except BaseException as error:
            if coming is not None:
                # Whoever stores it may be reading what has come.
                coming.hold(resources.pop_all())
                coming.arriving.fail(error)
            raise
        held_open = resources.pop_all()
        decoded = coming or Decoded(path, source, reader, None, found, ExitStack(), arriving)
        # One that nobody takes, for who asked for it was interrupted, is closed before Python itself ends.
        weakref.finalize(decoded, held_open.close)
        decoded.hold(held_open)
        arriving.end(report)
        return decoded


def fingerprint(path: Path) -> str:
    """What changes with a report and with its sidecar; nothing is unpacked for that.

    Raises:
        ReportError: there is no such file, or it may not be read.
    """
    held.spare(path)
    digests = [digest_of(path, _no_part)]
    beside = _place_of_sidecar(path)
    if beside is not None and beside.is_file():
        held.spare(beside)
        digests.append(digest_of(beside))
    return " ".join(digests)


def _no_part(member: Path) -> bool:
    """Whether a file in an exported folder is no part of the export: a database, or what lies beside one.

    Raises:
        ReportError: it is a database, named like a table of the export.
    """
    if held.is_companion(member.name):
        return True
    if not held.is_database(member):
        return False
    if any(member.name.endswith(reader.member_suffix) for reader in formats.READERS if reader.member_suffix):
        raise formats.database_given(member.name)
    return True


def _sidecar(path: Path, source: Source, kind: str) -> tuple[sidecar.Sidecar | None, tuple[str, ...]]:
    """The sidecar of a report, compressed or not, and what to say about it."""
    found = _place_of_sidecar(path)
    if found is None:
        return None, ()
    try:
        held.spare(found)
        beside = sidecar.read(found)
    except ReportError as error:
        return None, (f"The sidecar was not used: {error.message}. {error.remedy}",)
    if beside.profiler in kinds.KINDS and beside.profiler != kind:
        return None, (f"The sidecar was not used: {found.name} is of a report of {beside.profiler}.",)
    strange = beside.strangeness(source.file_name, source.size_bytes)
    doubt = (f"The sidecar may be another report's: {strange} ({found.name}).",) if strange else ()
    return beside, (*doubt, *beside.warnings)


def _place_of_sidecar(path: Path) -> Path | None:
    places = (sidecar.path_of(path.with_name(name)) for name in (path.name, plain_name(path.name)))
    return next((place for place in places if os.path.lexists(place)), None)


def _installed(tool: Via) -> bool:
    if tool == "nsys":
        return nsys_tool.available()
    return importlib.util.find_spec(tool) is not None


def _through(
    tool: Via,
    source: Source,
    resources: ExitStack,
    read: Callable[..., RawReport],
    within: Limits,
    stop: worker.Stop,
) -> RawReport:
    return (
        _through_nsys(source, resources, read, within, stop) if tool == "nsys" else read(formats.NCU_REPORT)
    )


def _through_nsys(
    source: Source, resources: ExitStack, read: Callable[..., RawReport], within: Limits, stop: worker.Stop
) -> RawReport:
    folder = resources.enter_context(temporary.folder())
    export, version = nsys_tool.export(source.path, folder, within.idle_s, stop)
    report = read(formats.reader_for(export), export)
    settings = {**report.settings, "exported_by": f"nsys {version}"}
    return replace(report, settings=settings)


def _parts(size_bytes: int) -> int:
    """Processes that are worth starting (each costs 0.15 s) for a report of that size."""
    return max(1, min(os.cpu_count() or 1, _MAX_PARTS, size_bytes // _BYTES_PER_PART))


def _as_it_is(_position: int, decoded: Decoded) -> Any:
    """What nothing is made of."""
    return decoded


def decode_all(
    paths: list[Path],
    jobs: int | None = None,
    via: Via = "auto",
    progress: Callable[[Path, int, int | None], None] | None = None,
    *,
    memory_bytes: int | None = None,
    before_arrow: Callable[[], None] | None = None,
    then: Callable[[int, Decoded], T] = _as_it_is,
    early: bool = False,
) -> Generator[tuple[Path, T | ReportError], None, None]:
    """Decode reports side by side; yields them in the given order, errors in place of reports.

    Decoding starts at once, before the first one is asked for: when this returns, whoever decodes the first
    one is at it. At most `jobs` (default: the number of processors) are being decoded or waiting to be taken.

    Args:
        paths: of the reports.
        jobs: see above.
        via: see `decode`.
        progress: called with a path, and how much of its report is decoded, see `base.Progress`.
        memory_bytes: see `decode`.
        before_arrow: is called before pyarrow is needed, while the first report is being decoded.
        then: makes something of a decoded report, given its position among all, side by side with others;
            what it makes takes the report's place, and closes it.
        early: hand over a single report while it is being decoded.
    """
    remaining = enumerate(paths)
    waiting: deque[tuple[Path, Future[T | ReportError]]] = deque()
    jobs = min(jobs or os.cpu_count() or 1, max(len(paths), 1))
    pool = ThreadPoolExecutor(jobs)
    kept = ExitStack()
    if len(paths) > 1:
        kept.enter_context(processes.several())

    # Of two threads that compute, each would wait for the other to give way, many times.
    begun, beginning = threading.Event(), threading.Lock()

    def begin() -> None:
        with beginning:
            if not begun.is_set() and before_arrow is not None:
                before_arrow()
            begun.set()

    # Set to what is handed over early.
    first: Future[Any] = Future()
    first.set_running_or_notify_cancel()

    def one(position: int, path: Path) -> T | ReportError:
        def watch(done: int, total: int | None) -> None:
            if progress:
                progress(path, done, total)

        try:
            decoded = decode(
                path,
                at_a_time=jobs,
                via=via,
                memory_bytes=memory_bytes,
                progress=watch,
                begun=begin,
                early=first.set_result if early else None,
            )
        except ReportError as error:
            return error
        finally:
            # Before anything is made of it: that may wait for who waits here.
            begun.set()
        try:
            return then(position, decoded)
        except BaseException as error:
            decoded.close()
            if isinstance(error, ReportError):
                return error
            raise

    def one_early(position: int, path: Path) -> None:
        try:
            result = one(position, path)
        except BaseException as error:
            if not first.done():
                first.set_exception(error)
            raise
        if not first.done():
            first.set_result(result)

    def submit() -> None:
        if (next_one := next(remaining, None)) is not None:
            if early:
                pool.submit(one_early, *next_one)
            future = first if early else pool.submit(one, *next_one)
            waiting.append((next_one[1], future))

    def end() -> None:
        if early:
            # Whoever took it may have been interrupted before they could use it.
            first.add_done_callback(_discard)
        for _, future in waiting:
            future.cancel()
            future.add_done_callback(_discard)
        pool.shutdown()
        kept.close()

    def results() -> Generator[Any, None, None]:
        try:
            # Closed before anything was asked for, it ends what has begun, too.
            yield
            while waiting:
                path, future = waiting.popleft()
                result = future.result()
                submit()
                yield path, result
        finally:
            end()

    try:
        for _ in range(jobs):
            submit()
        if paths:
            begun.wait()
    except BaseException:
        end()
        raise
    found = results()
    next(found)
    return found


def _discard(future: Future[T | ReportError]) -> None:
    # Whatever has gone wrong, nobody is told any more.
    if not future.cancelled() and future.exception() is None:
        result = future.result()
        if not isinstance(result, ReportError):
            result.close()
