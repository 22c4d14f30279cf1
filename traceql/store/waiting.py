"""Who meets another process at a database waits until it is free: for so long, and with a word about it."""

from __future__ import annotations

import contextlib
import functools
import math
import random
import time
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from traceql import given
from traceql.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_T = TypeVar("_T")
#: Seconds that everybody waits unless told otherwise.
WAIT_S = 60.0
# A look costs some milliseconds: soon at first, then at times that keep several who wait apart.
_FIRST_S, _LONGEST_S = 0.01, 0.1
# Who waits no longer than this says nothing.
_SILENT_S = 0.3


def seconds(name: str, value: float, *, zero: bool) -> float:
    """A time that somebody gives.

    Args:
        name: of it, for the message.
        value: number of seconds.
        zero: whether it may be none at all.

    Raises:
        ValueError: it is negative, endless or no number, or 0 where that is no time.
    """
    try:
        is_time = math.isfinite(value) and (value > 0 or (zero and value == 0))
    except OverflowError:
        # A whole number beyond all others.
        is_time = False
    if not is_time:
        said = given.said(value)
        raise ValueError(f"{name}: {said} is no time; give seconds{', or 0' if zero else ' above 0'}")
    return value


def pause_s(changed_s: float) -> float:
    """How long a process that changes again leaves the file to others, after a change that took so long.

    A twentieth of its time, but no more than others take from look to look: they get in after some changes.
    """
    return min(changed_s / 20, 1.5 * _LONGEST_S)


def log(sentence: str) -> None:
    """Say it where Python's logging does: on standard error, unless it is told otherwise."""
    import logging

    logging.getLogger("traceql").warning(sentence)


class BusyError(Exception):
    """Another process has the file open; the text says which, as far as that is known."""


class OvertakenError(Exception):
    """Another process has changed what a change stands on: it is to be made again."""


def made_again(change: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a change be made until nobody overtakes it: each time on what is there by then."""

    @functools.wraps(change)
    def until_done(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        while True:
            with contextlib.suppress(OvertakenError):
                return change(*args, **kwargs)

    return until_done


class Patience:
    """How long one who uses a database waits each time, and whom it tells that it does, once.

    Args:
        wait_s: seconds; 0 for not at all.
        tell: is given a sentence.
    """

    def __init__(self, wait_s: float, tell: Callable[[str], None]) -> None:
        self.wait_s = wait_s
        self._tell = tell
        self._told = False

    def say(self, sentence: str) -> None:
        """Tell it, unless something was told before."""
        if not self._told:
            self._told = True
            self._tell(sentence)


class Wait:
    """One wait for a file.

    Args:
        path: of the file, as the user knows it.
        patience: of who waits.
    """

    def __init__(self, path: str, patience: Patience) -> None:
        self._path = path
        self._patience = patience
        self._began = time.monotonic()
        self._pause_s = _FIRST_S

    def go_on(self, busy: BusyError) -> None:
        """Wait a moment, after which to try again.

        Raises:
            DatabaseError: the time is over.
        """
        waited_s = time.monotonic() - self._began
        left_s = self._patience.wait_s - waited_s
        if not left_s > 0:
            for_so_long = f", for {self._patience.wait_s:g} s" if self._patience.wait_s > 0 else ""
            raise DatabaseError(
                f"{self._path}: in use by {busy}{for_so_long}",
                "Close the program that has the file open, or wait longer: --wait SECONDS (wait_s).",
            ) from busy
        if waited_s >= _SILENT_S:
            self._patience.say(
                f"{self._path}: in use by {busy}; waiting up to {self._patience.wait_s:g} s for it"
            )
        time.sleep(min(self._pause_s * random.uniform(0.5, 1), left_s))  # noqa: S311
        self._pause_s = min(2 * self._pause_s, _LONGEST_S)
