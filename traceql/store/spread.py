"""Reports spread over processes, each of which decodes and stores into one lake: nobody waits for a writer.

A process that is killed takes nothing along: what it had in hand is given to another one, for a lake holds
each report once. A report whose process dies three times is an error of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from traceql.errors import LimitError, ReportError
from traceql.store import choice, decode, ingest
from traceql.store.definitions import Definitions

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence
    from pathlib import Path

    from traceql.store.decode import Via
    from traceql.store.outcomes import Ingested

_LOCAL = re.compile(r"local(?::([1-9]\d{0,3}))?")
# How often a report may be in hand when a process dies.
_TRIES = 3


@dataclass(frozen=True)
class Work:
    """What is to be done with each report.

    Attributes:
        db: path or address of the lake, which is there.
        wait_s: how long to wait for others that change its entries.
        processes: how many work at a time.
        name: of the trace; for one report only.
        tags: of each trace.
        replace: read reports again that the lake holds already.
        keep_environment: see `ingest.add`.
        via: see `decode.decode`.
        memory_bytes: see `decode.decode`.
    """

    db: str
    wait_s: float
    processes: int
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False
    keep_environment: bool = False
    via: Via = "auto"
    memory_bytes: int | None = None


def processes_of(scheduler: str) -> int | None:
    """How many processes of this machine a scheduler means; None if it means something else.

    >>> processes_of("local:3")
    3
    >>> processes_of("tcp://somewhere:8786") is None
    True
    """
    local = _LOCAL.fullmatch(scheduler)
    return None if local is None else int(local[1] or os.cpu_count() or 1)


def ingest_all(
    paths: Sequence[Path], work: Work
) -> Generator[tuple[Path, Ingested | ReportError], None, None]:
    """Decode and store reports; yields what became of each in the given order, errors in place of results.

    Raises:
        DatabaseError: the lake cannot be written; reports that are in it stay there.
    """
    results: dict[int, Ingested | ReportError] = {}
    tries = dict.fromkeys(range(len(paths)), 0)
    next_one = 0
    pool = _pool(work)
    try:
        running: dict[Future[Ingested | ReportError], int] = {}
        while next_one < len(paths):
            waiting = [number for number in tries if number not in results and number not in running.values()]
            for number in _next(waiting, tries, running.values(), work.processes):
                running[pool.submit(_one, paths[number], work)] = number
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            died = False
            for future in done:
                number = running.pop(future)
                try:
                    results[number] = future.result()
                except BrokenProcessPool:
                    died = True
                    tries[number] += 1
                    if tries[number] == _TRIES:
                        results[number] = _given_up(paths[number])
            if died:
                for number in running.values():
                    tries[number] += 1
                running.clear()
                _end(pool)
                pool = _pool(work)
            while next_one in results:
                yield paths[next_one], results.pop(next_one)
                tries.pop(next_one)
                next_one += 1
    finally:
        _end(pool)


def _next(
    waiting: Sequence[int], tries: Mapping[int, int], running: Collection[int], processes: int
) -> Sequence[int]:
    """What is given to processes now; one that was in hand at each death goes alone: no other is blamed."""
    suspects = [number for number in waiting if tries[number] == _TRIES - 1]
    if any(tries[number] == _TRIES - 1 for number in running):
        return ()
    others = [number for number in waiting if number not in suspects]
    return others[: processes - len(running)] if others else suspects[: 0 if running else 1]


def _given_up(path: Path) -> ReportError:
    return LimitError(
        f"{path.name}: the process that had it was killed {_TRIES} times",
        "It may take more memory than there is: give it more, or fewer processes (--scheduler local:N).",
    )


def _pool(work: Work) -> ProcessPoolExecutor:
    # Started anew: threads and open files of this process do not come along.
    return ProcessPoolExecutor(
        work.processes, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    )


def _end(pool: ProcessPoolExecutor) -> None:
    """End a pool, and what still runs in it; what it was to do is done, or not wanted any more."""
    # From Python 3.14 on, pools have a method for that.
    for process in list((pool._processes or {}).values()):
        process.terminate()
    pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """In a process of the pool: an interrupt is for the one who gave it the work, and with whom it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _one(path: Path, work: Work) -> Ingested | ReportError:
    from traceql.questions import catalog

    try:
        decoded = decode.decode(path, at_a_time=work.processes, via=work.via, memory_bytes=work.memory_bytes)
    except ReportError as error:
        return error
    lake = choice.store(work.db, definitions=Definitions(catalog.shipped()), lake=True, wait_s=work.wait_s)
    try:
        return ingest.add(
            lake,
            decoded,
            name=work.name,
            tags=work.tags,
            replace=work.replace,
            keep_environment=work.keep_environment,
        )
    except ReportError as error:
        return error
    finally:
        decoded.close()
        lake.close()
