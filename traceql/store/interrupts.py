"""Signals and time limits end what the database computes, at once.

Python runs the handler of a signal between two of its own instructions, and while the database computes
there are none. The system, though, writes each signal to a pipe as it comes: a thread that reads there
interrupts the statements that are running, and the handler's exception follows. Where Python is about to
import something, the exception would be lost, or the lock for imports never be given back; where it is about
to leave a block or has just entered one, the block would not be left; and what is not written in Python may
end the process when it is thrown through its beginnings: there it waits.

DuckDB looks whether it was interrupted between two pieces of its work, and some pieces last for minutes: a
list of a hundred million numbers is one. So where a question can be ended at all, it is computed in a thread
of its own, and who asked waits for it, as long as there is time; what does not end when it is interrupted is
left behind.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from _thread import interrupt_main
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.machinery import ExtensionFileLoader
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from traceql.errors import TimeLimitError
from traceql.statuses import INTERRUPTED, TERMINATED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

T = TypeVar("T")


class Interruptible(Protocol):
    """A connection to a database, or whatever else computes for a command."""

    def interrupt(self) -> None:
        """End what runs there, if anything does."""


# Between two looks at whether the handler has run: a handler that needs no help is done long before.
_SECONDS = 0.05
# How long what was interrupted may take to end.
_GRACE_SECONDS = 0.05
# Each with the thread that computes there, or waits for what computes.
_running: list[tuple[int, Interruptible]] = []
# Thread that waits → the one that computes for it.
_serving: dict[int, int] = {}
_handled = threading.Event()
# A signal came at a moment at which its handler could raise nothing.
_postponed = threading.Event()
# Whose code takes Python's lock for imports, and whose enters and leaves blocks.
_NOT_IN = frozenset({"<frozen importlib._bootstrap>", contextlib.__file__})
_ending: BaseException | None = None
_installed = False


@contextlib.contextmanager
def running(connection: Interruptible) -> Iterator[None]:
    """While statements run on a connection, signals can end them, and raise what they raise elsewhere."""
    one = (threading.get_ident(), connection)
    _running.append(one)
    try:
        with raising():
            yield
    finally:
        _running.remove(one)


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """For statements that nobody interrupts: DuckDB turns what a signal raises there into a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise ending() from error


def ending() -> BaseException:
    """What the last signal raises: for those to whom it was only said that one came."""
    return _ending or KeyboardInterrupt()


def came() -> bool:
    """Whether a signal has come that ends the command."""
    return _ending is not None


def status() -> int:
    """That of a command which the last signal ended."""
    return TERMINATED if isinstance(_ending, SystemExit) else INTERRUPTED


def install() -> None:
    """For commands: let SIGINT raise KeyboardInterrupt and SIGTERM SystemExit, at once."""
    global _installed, _ending
    _ending = None
    if signal.getsignal(signal.SIGINT) is _handle and signal.getsignal(signal.SIGTERM) is _handle:
        return
    _installed = True
    reading, writing = os.pipe()
    # Windows has it from Python 3.12 on; before, a signal waits when 65,536 of them were not looked at.
    if hasattr(os, "set_blocking"):
        os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _handle)
    threading.Thread(target=_watch, args=(reading,), daemon=True, name="signals").start()


def _handle(number: int, frame: FrameType | None) -> None:
    global _ending
    _ending = SystemExit(TERMINATED) if number == signal.SIGTERM else KeyboardInterrupt()
    if _is_inopportune(frame):
        _postponed.set()
        return
    _handled.set()
    # The database may have called it, and waits for its own threads next.
    _interrupt()
    raise _ending


def _is_inopportune(frame: FrameType | None) -> bool:
    if frame is not None and frame.f_code.co_filename in _NOT_IN:
        return True
    while frame is not None and not isinstance(frame.f_locals.get("self"), ExtensionFileLoader):
        frame = frame.f_back
    return frame is not None


def _watch(reading: int) -> None:
    while received := os.read(reading, 1):
        if received[0] not in (signal.SIGINT, signal.SIGTERM):
            continue
        # More than once: a statement may begin just after it was to be ended.
        while not _handled.wait(_SECONDS):
            _interrupt()
            if _postponed.is_set():
                _postponed.clear()
                interrupt_main(signal.Signals(received[0]))
                # Which is written to the pipe, too.
                os.read(reading, 1)
        _handled.clear()


def end(thread: int) -> None:
    """End what a thread computes in a database, if it does, as nobody waits for it any more."""
    _interrupt(thread)
    if (serving := _serving.get(thread)) is not None:
        _interrupt(serving)


def _interrupt(thread: int | None = None) -> None:
    for computing, connection in tuple(_running):
        if thread is None or computing == thread:
            # It may have been closed this moment.
            with contextlib.suppress(Exception):
                connection.interrupt()


# --- time limits ----------------------------------------------------------------------------------------


@dataclass
class _Waits:
    """Time that was spent on others."""

    why: str
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def is_on(self) -> bool:
        return self.ended is None

    @property
    def seconds(self) -> float:
        return (time.monotonic() if self.ended is None else self.ended) - self.began


@contextlib.contextmanager
def waiting(why: str) -> Iterator[None]:
    """While a thread waits for others, a time limit that ends it says for whom.

    Args:
        why: whom it waits for, and for what.
    """
    task: _Task[Any] | None = getattr(_own, "task", None)
    if task is None:
        yield
        return
    task.waits.append(one := _Waits(why))
    try:
        yield
    finally:
        one.ended = time.monotonic()


@dataclass(frozen=True)
class _Limit:
    """Until when questions are answered."""

    until: float
    seconds: float

    def error(self, waits: Sequence[_Waits]) -> TimeLimitError:
        """Says why, by what was waited for meanwhile."""
        waited_s = sum(one.seconds for one in waits)
        if waits and (waits[-1].is_on or waited_s > self.seconds / 2):
            return TimeLimitError(
                f"no answer within {self.seconds:g} s, of which {waited_s:.2g} s were spent waiting: "
                f"{waits[-1].why}",
                "Close the program that has the file open, or wait longer: --timeout SECONDS (timeout_s).",
            )
        return TimeLimitError(
            f"no answer within {self.seconds:g} s",
            "Narrow the question (--trace, --from, --to, --within), or give it more time with --timeout "
            "(timeout_s).",
        )


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


@contextlib.contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """All questions that are asked until the end are answered within so many seconds together, or not at all.

    One limit within another can only be shorter. What changes a database is not limited.

    Args:
        seconds: None for no limit.
    """
    if seconds is None:
        yield
        return
    new, old = _Limit(time.monotonic() + seconds, seconds), _limit.get()
    token = _limit.set(new if old is None or new.until < old.until else old)
    try:
        yield
    finally:
        _limit.reset(token)


def left_s() -> float | None:
    """Seconds that are left of the limit, None if there is none.

    Raises:
        TimeLimitError: none are.
    """
    if (limit := _limit.get()) is None:
        return None
    left = min(limit.until - time.monotonic(), threading.TIMEOUT_MAX)
    if left <= 0:
        raise limit.error(())
    return left


# --- questions in threads of their own ------------------------------------------------------------------


@dataclass(eq=False)
class _Task(Generic[T]):
    """What a thread is to compute, and what came of it."""

    work: Callable[[], T]
    # The thread that waits for it.
    thread: int = field(default_factory=threading.get_ident)
    done: threading.Event = field(default_factory=threading.Event)
    result: T | None = None
    error: BaseException | None = None
    waits: list[_Waits] = field(default_factory=list)

    def compute(self) -> None:
        _own.task = self
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - the one who waits is told
            self.error = error
        finally:
            del _own.task
            self.done.set()


_Tasks: TypeAlias = "queue.SimpleQueue[_Task[Any] | None]"


class _Worker:
    """A thread that computes for another one, one thing after the other, as long as that one is there."""

    def __init__(self) -> None:
        self.tasks: _Tasks = queue.SimpleQueue()
        self.thread = threading.Thread(target=_work, args=(self.tasks,), daemon=True, name="question")
        self.thread.start()

    def __del__(self) -> None:
        self.tasks.put(None)


def _work(tasks: _Tasks) -> None:
    while (task := tasks.get()) is not None:
        task.compute()
        del task


_own = threading.local()
_left: list[_Task[Any]] = []


def asking() -> int:
    """The thread that asks: this one, or the one that it computes for."""
    task: _Task[Any] | None = getattr(_own, "task", None)
    return threading.get_ident() if task is None else task.thread


def ended(work: Callable[[], T]) -> T:
    """What `work` returns, which asks a database; a signal or the time limit ends it at once.

    A thread that is served so is served by the same one each time: what it makes in a database is there for
    its next question.

    Raises:
        TimeLimitError: it took too long.
    """
    limit = _limit.get()
    if limit is None and not (_installed and threading.current_thread() is threading.main_thread()):
        return work()
    worker: _Worker = getattr(_own, "worker", None) or _Worker()
    _own.worker = worker
    task = _Task(work)
    worker.tasks.put(task)
    if worker.thread.ident is not None:
        _serving[threading.get_ident()] = worker.thread.ident
    try:
        left = None if limit is None else min(max(0.0, limit.until - time.monotonic()), threading.TIMEOUT_MAX)
        if not task.done.wait(left):
            assert limit is not None
            raise limit.error(tuple(task.waits))
    except BaseException:
        _end(task, worker)
        raise
    finally:
        _serving.pop(threading.get_ident(), None)
    if task.error is not None:
        raise task.error
    return task.result  # type: ignore[return-value]


def left_behind() -> bool:
    """Whether something still computes that nobody waits for."""
    _left[:] = [task for task in _left if not task.done.is_set()]
    return bool(_left)


def _end(task: _Task[Any], worker: _Worker) -> None:
    """Interrupt a task, more than once, for it may not have begun; leave it behind if it does not end."""
    until = time.monotonic() + _GRACE_SECONDS
    while not task.done.is_set() and time.monotonic() < until:
        _interrupt(worker.thread.ident)
        task.done.wait(_GRACE_SECONDS / 10)
    if not task.done.is_set():
        _left.append(task)
        del _own.worker


def _forked() -> None:
    """Threads do not survive a fork: who asks there begins anew."""
    global _own
    _own = threading.local()
    _left.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
