"""A command is run to its end, or until its time is up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from traceql.errors import CollectError
from traceql.record.tools import SUFFIXES, find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# nsys finishes its report when it is interrupted; a report of a long run takes a while.
_SECONDS_TO_FINISH = 60.0
_SECONDS_TO_DRAIN = 10.0
_SAID_LINES = 20


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        status: its exit status; negative for a signal.
        timed_out: whether it was stopped because its time was up.
        started: when, UTC.
        seconds: how long it took.
        said: the last lines of its output, when that was read.
    """

    status: int
    timed_out: bool
    started: datetime
    seconds: float
    said: tuple[str, ...] = ()


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
    log: Path | None = None,
) -> Outcome:
    """Run a command to its end, or until its time is up: then a profiler may still finish its report.

    Args:
        command: program and arguments; the tools are found as by `find`.
        environment: its variables, all of them.
        timeout_s: seconds that it may take.
        on_line: called with each line of its output; without it the output goes where this process's goes.
        log: where the output is also written, for `on_line`.

    Raises:
        CollectError: the program cannot be started.
    """
    program = find(command[0]) if command[0] in SUFFIXES else command[0]
    piped = subprocess.PIPE if on_line else None
    started, clock = datetime.now(UTC), time.monotonic()
    try:
        # A session of its own, so that what the command started can be stopped with it.
        process = subprocess.Popen(
            [program, *command[1:]],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=piped,
            stderr=subprocess.STDOUT if piped else None,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CollectError(
            f"{command[0]} cannot be started ({error.strerror})", "Check the command."
        ) from error
    said: deque[str] = deque(maxlen=_SAID_LINES)
    troubles: list[BaseException] = []

    def read() -> None:
        if on_line is None or process.stdout is None:
            return
        try:
            with contextlib.ExitStack() as stack:
                lines = stack.enter_context(process.stdout)
                written = stack.enter_context(log.open("a", encoding="utf-8")) if log else None
                for line in lines:
                    if written:
                        written.write(line)
                        written.flush()
                    said.append(line.rstrip("\n"))
                    on_line(said[-1])
        except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
            troubles.append(error)
            _stop(process)

    # In a thread: a process that outlives the command may keep its output open for ever.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    timed_out = False
    try:
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            status = _stop(process)
    except BaseException:
        # Interrupted: nothing stays behind.
        _stop(process)
        raise
    seconds = time.monotonic() - clock
    reader.join(_SECONDS_TO_DRAIN)
    if troubles:
        raise troubles[0]
    return Outcome(status, timed_out, started, seconds, tuple(said))


def _stop(process: subprocess.Popen[str]) -> int:
    """Stop a process and what it started: politely, so that a profiler finishes its report, then firmly."""
    for number, seconds in (
        (signal.SIGINT, _SECONDS_TO_FINISH),
        (signal.SIGTERM, 10.0),
        (getattr(signal, "SIGKILL", signal.SIGTERM), 10.0),
    ):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Windows has no groups of processes to signal.
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)
            else:
                process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(seconds)
    raise CollectError(f"process {process.pid} cannot be stopped", "Stop it, or restart the machine.")
