"""Who works: processes of this machine, or the workers of a Dask scheduler; both are used alike."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from traceql import __version__
from traceql.errors import ClusterError
from traceql.read import temporary
from traceql.store import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")

# Of what is sent to workers, so much waits at each of them.
_WAITING_EACH = 2
# Within which a scheduler has to answer, where Dask's own configuration does not say.
_TIMEOUT = "5s"
# Between two attempts to reach it.
_PAUSE_S = 0.2
_TIMEOUT_KEY = "distributed.comm.timeouts.connect"
_LOCAL = re.compile(r"local(?::(?P<count>[1-9]\d{0,3}))?")


class Workers(Protocol):
    """Several that do the same to many things."""

    count: int

    def each(self, work: Callable[[T], Any], items: Iterable[T]) -> Iterator[tuple[int, Any]]:
        """What comes of each item, with its place, in the order in which they are ready.

        What a worker had begun when it was killed is done again by another one.

        Args:
            work: a function of a module, that can be called again for the same item.
            items: of which not more are taken at a time than workers can have.

        Yields:
            Place and result, or the exception that it ended with.

        Raises:
            TimeLimitError: it took longer than `interrupts.within` allows; nobody waits for what is not done.
        """


@contextlib.contextmanager
def workers(scheduler: str) -> Iterator[Workers]:
    """The workers that a word means, for as long as they are needed.

    Args:
        scheduler: ``local``, as many processes as there are processors; ``local:4``; or the address of a Dask
            scheduler, ``tcp://HOST:8786``.

    Raises:
        ClusterError: there are no such workers, or they run another version of traceql.
    """
    if match := _LOCAL.fullmatch(scheduler):
        yield Pool(int(match["count"] or os.cpu_count() or 1))
        return
    if scheduler.partition(":")[0] == "local":
        raise ClusterError(
            f"{scheduler}: not a number of processes", "Write local, or local:N for N of them."
        )
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise ClusterError(
            f"{scheduler}: Dask's distributed is not installed",
            "Install it: pip install 'traceql[cluster]'. Without it: --scheduler local.",
        ) from None
    timeout = dask.config.get(_TIMEOUT_KEY, _TIMEOUT, config=dask.config.collect())
    try:
        _listen_for(scheduler, dask.utils.parse_timedelta(timeout))
        client: Any = Client(scheduler, timeout=timeout, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{scheduler}: no scheduler answers within {timeout} ({str(error) or type(error).__name__})",
            "An address looks like tcp://HOST:8786; dask scheduler prints its own. One that takes longer: "
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT=30s.",
        ) from error
    with client:
        yield Dask(client, scheduler)


def _listen_for(scheduler: str, timeout_s: float) -> None:
    """Wait for the first word of a scheduler, for which Dask itself would wait forever.

    Raises:
        OSError: it cannot be reached, or says nothing.
        ValueError: that is no address.
    """
    protocol, _, place = scheduler.rpartition("://")
    parted = urlsplit(f"//{place}")
    if protocol not in ("", "tcp", "tls") or parted.hostname is None or parted.port is None:
        return
    end = time.monotonic() + timeout_s
    while True:
        left_s = max(end - time.monotonic(), 0.01)
        try:
            with socket.create_connection((parted.hostname, parted.port), left_s) as connection:
                # Who listens begins, but with TLS.
                if protocol == "tls" or connection.recv(1):
                    return
                raise ConnectionError("the connection was closed")
        except (ConnectionError, TimeoutError):
            # It may be about to start.
            if end - time.monotonic() < _PAUSE_S:
                raise
            time.sleep(_PAUSE_S)


class Pool:
    """Processes of this machine.

    Args:
        count: of processes.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def each(self, work: Callable[[T], Any], items: Iterable[T]) -> Iterator[tuple[int, Any]]:
        """See `Workers.each`."""
        coming = iter(enumerate(items))
        while lost := (yield from _round(work, coming, self.count)):
            # When a process is killed all that its pool had is lost; which item it was cannot be told.
            for number, item in lost.items():
                if (yield from _round(work, iter([(number, item)]), 1)):
                    yield (
                        number,
                        ClusterError(
                            "the process that did it was killed, twice",
                            "It may need more memory than the machine has: --scheduler local:1.",
                        ),
                    )


def _round(
    work: Callable[[T], Any], coming: Iterator[tuple[int, T]], count: int
) -> Generator[tuple[int, Any], None, dict[int, T]]:
    """Work with a pool of processes until all is done, or one was killed; returns what was lost then."""
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_end_in_order
    )
    waiting: dict[Future[Any], tuple[int, T]] = {}
    lost: dict[int, T] = {}
    is_done = False
    try:
        while not lost:
            while len(waiting) < _WAITING_EACH * count and (pair := next(coming, None)) is not None:
                try:
                    waiting[pool.submit(work, pair[1])] = pair
                except BrokenProcessPool:
                    lost[pair[0]] = pair[1]
                    break
            if not waiting:
                is_done = not lost
                break
            done, _ = wait(waiting, interrupts.left_s(), return_when=FIRST_COMPLETED)
            for future in done:
                number, item = waiting.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    lost[number] = item
                else:
                    yield number, future.result() if error is None else error
        return lost | dict(waiting.values())
    finally:
        if is_done:
            # Each ends by itself, and leaves nothing behind.
            pool.shutdown()
        else:
            _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool, whatever they do: from Python 3.14 on it has a method for that."""
    processes = tuple((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


# --- in the processes of a pool -------------------------------------------------------------------------


def _end_in_order() -> None:
    """Ctrl-C is for the process that others see, which ends these; should it be killed, they end, too.

    However that comes, temporary folders go with the process: at once, for the system itself writes to a pipe
    that there was a signal, whatever the database computes meanwhile.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()
    reading, writing = os.pipe()
    # See `traceql.store.interrupts.install`; on Windows processes are ended without a signal.
    if hasattr(os, "set_blocking"):
        os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _is_ended)
    threading.Thread(target=_end_with_signal, args=(reading,), daemon=True, name="signals").start()


def _is_ended(*_: object) -> None:
    """The thread that was woken ends the process."""


def _end_with_signal(reading: int) -> None:
    while os.read(reading, 1)[0] != signal.SIGTERM:
        pass
    _end_at_once()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    _end_at_once()


def _end_at_once() -> None:
    temporary.remove_all()
    # Which needs no main thread that listens; Windows has but the other one, and ends by it at once.
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


class Dask:
    """The workers of a Dask scheduler.

    Args:
        client: of it.
        name: by which it was given.

    Raises:
        ClusterError: it has no workers, or they run another version of traceql.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        try:
            versions = client.run(_version)
        except Exception as error:
            raise ClusterError(
                f"{name}: its workers cannot import traceql ({error})",
                "Install the same version of traceql where they run.",
            ) from error
        if not versions:
            raise ClusterError(f"{name}: has no workers", "Start some: dask worker ADDRESS.")
        others = sorted(set(versions.values()) - {__version__})
        if others:
            raise ClusterError(
                f"{name}: its workers run traceql {', '.join(others)}, here it is {__version__}",
                "Install the same version of traceql where they run.",
            )
        self.count = sum(client.nthreads().values())

    def each(self, work: Callable[[T], Any], items: Iterable[T]) -> Iterator[tuple[int, Any]]:
        """See `Workers.each`: Dask itself gives what a killed worker had to another one."""
        from distributed import as_completed

        coming = iter(enumerate(items))
        numbers: dict[Any, int] = {}
        ready: Any = as_completed(loop=self._client.loop, timeout=interrupts.left_s())  # type: ignore[no-untyped-call]

        def more() -> None:
            for number, item in coming:
                future = self._client.submit(work, item, pure=False)
                numbers[future] = number
                ready.add(future)
                if len(numbers) >= _WAITING_EACH * self.count:
                    return

        try:
            more()
            while numbers:
                try:
                    future = next(ready)
                except TimeoutError:
                    # The limit has an error of its own.
                    interrupts.left_s()
                    raise
                error = future.exception()
                yield numbers.pop(future), future.result() if error is None else _lost(error)
                more()
        finally:
            self._client.cancel(list(numbers))


def _lost(error: BaseException) -> BaseException:
    if type(error).__name__ != "KilledWorker":
        return error
    return ClusterError(
        "the workers that did it were killed, one after the other",
        "It may need more memory than they have: dask worker --memory-limit.",
    )


def _version() -> str:
    return __version__
