"""A command is run to its end, or until it is stopped; then all that it started is gone.

Stopped it is when its time is up, and by SIGINT, SIGTERM or SIGHUP: politely at first, so that a profiler
finishes its report (`_SECONDS_TO_FINISH`), firmly by the next signal or when that time is over.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from traceql.errors import CollectError
from traceql.record import output, signals
from traceql.record.family import Family, adopted, guarded
from traceql.record.permissions import COUNTERS_REFUSED
from traceql.record.tools import SUFFIXES, find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from traceql.record.signals import Received

# nsys finishes its report when it is interrupted; a report of a long run takes a while.
_SECONDS_TO_FINISH = 60.0
# From SIGTERM to SIGKILL, and for the system to clear up after that.
_SECONDS_TO_LEAVE = 5.0
_SECONDS_TO_DRAIN = 10.0
_SAID_LINES = 20
_SAID_CHARACTERS = 2_000

# What a run waits for, beside signals, whose numbers are above 0.
_ENDED, _TROUBLE = 0, -1
# Windows knows neither this signal nor process groups.
_FIRMLY = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        status: its exit status; negative for a signal.
        timed_out: whether it was stopped because its time was up.
        started: when, UTC.
        seconds: how long it took.
        said: the last lines of its output, when that was read.
        interrupted: the signal by which this process was asked to stop it; None if it was not.
        counters_refused: whether its output says that the driver refuses hardware counters to this user.
        left: how many processes it had left running, which were ended.
    """

    status: int
    timed_out: bool
    started: datetime
    seconds: float
    said: tuple[str, ...] = ()
    interrupted: int | None = None
    counters_refused: bool = False
    left: int = 0


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
    log: Path | None = None,
    received: Received | None = None,
) -> Outcome:
    """Run a command until it ends or is stopped; a profiler may finish its report, and nothing stays behind.

    Args:
        command: program and arguments; the tools are found as by `find`.
        environment: its variables, all of them.
        timeout_s: seconds that it may take.
        on_line: called with each line of its output; without it standard input is passed on, and the output
            goes where this process's goes.
        log: where the output is also written, for `on_line`.
        received: signals, noted by the caller, who keeps what was recorded before it gives way to them; by
            default they are noted here, while the command runs.

    Raises:
        CollectError: the program cannot be started, or not be stopped.
    """
    if timeout_s is not None and not timeout_s > 0:
        raise CollectError(f"{timeout_s:g} s is no time limit", "Give a number of seconds above 0.")
    program = find(command[0]) if command[0] in SUFFIXES else command[0]
    events: SimpleQueue[int] = SimpleQueue()
    refused = threading.Event()
    said: deque[str] = deque(maxlen=_SAID_LINES)
    troubles: list[BaseException] = []

    def heard(line: str) -> None:
        said.append(line[:_SAID_CHARACTERS])
        if COUNTERS_REFUSED in line:
            refused.set()
        assert on_line is not None
        on_line(line)

    def read(process: subprocess.Popen[bytes]) -> None:
        try:
            assert process.stdout is not None
            output.lines(process.stdout, heard, log)
        except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
            troubles.append(error)
            events.put(_TROUBLE)

    with ExitStack() as stack:
        received = received or stack.enter_context(signals.noted())
        # Before the family, for it is none of it.
        tell_guard = stack.enter_context(guarded())
        family = stack.enter_context(adopted())
        passed = None if on_line else stack.enter_context(output.passed_on(refused.set))
        started, clock = datetime.now(UTC), time.monotonic()
        received.tell = events.put
        stack.callback(_forget, received)
        for number in received.numbers:
            events.put(number)
        try:
            # A session of its own, so that what the command started can be stopped with it.
            process = subprocess.Popen(
                [program, *command[1:]],
                env=dict(environment),
                stdin=subprocess.DEVNULL if on_line else output.readable_input(),
                stdout=passed.stdout if passed else subprocess.PIPE,
                stderr=passed.stderr if passed else subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise CollectError(f"{command[0]} cannot be started ({why})", "Check the command.") from error
        tell_guard(process.pid)
        family.waited.add(process.pid)
        if passed:
            passed.begin()
        # In a thread: a process that outlives the command may keep its output open for ever.
        reader = threading.Thread(target=partial(read, process), daemon=True)
        if on_line:
            reader.start()
        threading.Thread(target=_wait, args=(process, events), daemon=True).start()
        try:
            first = _next(events, timeout_s)
            if first != _ENDED:
                _stop(process, family, events)
        except BaseException:
            _kill(process, family)
            raise
        seconds = time.monotonic() - clock
        left = _clear(family)
        if on_line:
            reader.join(_SECONDS_TO_DRAIN)
        if troubles:
            raise troubles[0]
    return Outcome(
        process.wait(),
        first is None,
        started,
        seconds,
        tuple(said),
        first if first is not None and first > _ENDED else None,
        refused.is_set(),
        left,
    )


def _forget(received: Received) -> None:
    received.tell = lambda _: None


def _wait(process: subprocess.Popen[bytes], events: SimpleQueue[int]) -> None:
    process.wait()
    events.put(_ENDED)


def _next(events: SimpleQueue[int], seconds: float | None) -> int | None:
    """What happens next; None when nothing does for so long."""
    try:
        return events.get(timeout=seconds and min(seconds, threading.TIMEOUT_MAX))
    except Empty:
        return None


def _stop(process: subprocess.Popen[bytes], family: Family, events: SimpleQueue[int]) -> None:
    """Stop a command: politely, then firmly; a further signal ends the wait for politeness."""
    for number, seconds in (
        (signal.SIGINT, _SECONDS_TO_FINISH),
        (signal.SIGTERM, _SECONDS_TO_LEAVE),
        (_FIRMLY, _SECONDS_TO_LEAVE),
    ):
        _signal(process, number)
        if number != signal.SIGINT:
            family.signal(number)
        if _next(events, seconds) == _ENDED:
            return
    if _next(events, _SECONDS_TO_LEAVE) != _ENDED:
        raise CollectError(f"process {process.pid} cannot be stopped", "Stop it, or restart the machine.")


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.terminate()


def _kill(process: subprocess.Popen[bytes], family: Family) -> None:
    _signal(process, _FIRMLY)
    family.signal(_FIRMLY)
    family.gone(_SECONDS_TO_LEAVE)


def _clear(family: Family) -> int:
    """End what a command left running; returns how many processes that were."""
    left = len(family.living())
    for number in (signal.SIGTERM, _FIRMLY):
        if family.gone(0):
            break
        family.signal(number)
        family.gone(_SECONDS_TO_LEAVE)
    return left
