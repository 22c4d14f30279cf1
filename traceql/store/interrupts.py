"""Signals end what the database computes, at once.

Python runs the handler of a signal between two of its own instructions, and while the database computes
there are none. The system, though, writes each signal to a pipe as it comes: a thread that reads there
interrupts the statements that are running, and the handler's exception follows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Protocol

from traceql.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Interruptible(Protocol):
    """A connection to a database."""

    def interrupt(self) -> None:
        """End the statement that runs on it, if any does."""


# Between two looks at whether the handler has run: a handler that needs no help is done long before.
_SECONDS = 0.05
_running: list[Interruptible] = []
_handled = threading.Event()
_ending: BaseException = KeyboardInterrupt()


@contextlib.contextmanager
def running(connection: Interruptible) -> Iterator[None]:
    """While statements run on a connection, signals can end them."""
    _running.append(connection)
    try:
        yield
    finally:
        _running.remove(connection)


@contextlib.contextmanager
def within(connection: Interruptible, seconds: float | None) -> Iterator[None]:
    """A statement on a connection ends when its time is up.

    Args:
        connection: that the statement runs on.
        seconds: that it may take; None for any time.

    Raises:
        QueryError: it was ended.
    """
    if seconds is None:
        yield
        return
    done = threading.Event()
    late = False

    def watch() -> None:
        nonlocal late
        # More than once: the statement may begin just after it was to be ended.
        while not done.wait(_SECONDS if late else seconds):
            late = True
            with contextlib.suppress(Exception):
                connection.interrupt()

    watcher = threading.Thread(target=watch, daemon=True, name="time")
    watcher.start()
    try:
        yield
    except Exception as error:
        if not late:
            raise
        raise QueryError(f"not answered within {seconds:g} s", "Ask for less.") from error
    finally:
        done.set()
        watcher.join()


def ending() -> BaseException:
    """What the last signal raises: for those to whom the database only said that one came."""
    return _ending


def install() -> None:
    """For commands: let SIGINT raise KeyboardInterrupt and SIGTERM SystemExit(143), at once."""
    reading, writing = os.pipe()
    # Windows has it from Python 3.12 on; before, a signal waits when 65,536 of them were not looked at.
    if hasattr(os, "set_blocking"):
        os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _handle)
    threading.Thread(target=_watch, args=(reading,), daemon=True, name="signals").start()


def _handle(number: int, _frame: object) -> None:
    global _ending
    _handled.set()
    # The database may have called it, and waits for its own threads next.
    _interrupt()
    _ending = SystemExit(143) if number == signal.SIGTERM else KeyboardInterrupt()
    raise _ending


def _watch(reading: int) -> None:
    while received := os.read(reading, 1):
        if received[0] not in (signal.SIGINT, signal.SIGTERM):
            continue
        # More than once: a statement may begin just after it was to be ended.
        while not _handled.wait(_SECONDS):
            _interrupt()
        _handled.clear()


def _interrupt() -> None:
    for connection in tuple(_running):
        # It may have been closed this moment.
        with contextlib.suppress(Exception):
            connection.interrupt()
