"""Signals while something is recorded: noted, so that what was recorded is kept before this process ends."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

# Ctrl-C, a scheduler's or a shell's request, a terminal that was closed (not known to Windows).
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Received:
    """What was received so far, in order; `tell` is called with each, from the signal's handler."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.tell: Callable[[int], None] = lambda _: None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.numbers.append(number)
        self.tell(number)


@contextmanager
def noted() -> Iterator[Received]:
    """While this lasts, SIGINT, SIGTERM and SIGHUP end nothing: they are noted.

    A signal that was ignored stays so. Only the main thread can be told; elsewhere nothing changes.
    """
    received = Received()
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, received._handle)
        elif number == signal.SIGINT:
            # A shell starts background jobs with it ignored, and what is ignored is so for children as well:
            # a profiler could not be asked to finish. Handled, if by nothing, it is not.
            signal.signal(number, _nothing)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raised() -> None:
    """From now on SIGTERM and SIGHUP raise SystemExit, unless they are ignored: what is open is closed."""
    for number in _ENDING:
        if number != signal.SIGINT and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _exit)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
