"""The standard streams of a command that is run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

from traceql.record.permissions import COUNTERS_REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: What is read of a line; the rest of a longer one is passed over.
MAX_LINE_BYTES = 4 << 20
_BLOCK_BYTES = 1 << 16
_SECONDS_TO_DRAIN = 5.0


def lines(stream: IO[bytes], heard: Callable[[str], None], log: Path | None) -> None:
    """Call `heard` with each line of a stream, whatever bytes it has; write them into the log as they come.

    A log that cannot be written, for the disk is full, is given up: what is measured matters more.
    """
    with stream, contextlib.ExitStack() as stack:
        written: BinaryIO | None = None
        if log is not None:
            with contextlib.suppress(OSError):
                written = stack.enter_context(log.open("ab", buffering=0))
        begins = True
        while piece := stream.readline(MAX_LINE_BYTES):
            if written is not None:
                try:
                    written.write(piece)
                except OSError:
                    written = None
            if begins:
                heard(piece.decode("utf-8", "replace").rstrip("\r\n"))
            begins = piece.endswith(b"\n")


def readable_input() -> int | None:
    """Standard input for a command: ours, but not a terminal that others are reading from."""
    # Windows has no such groups.
    with contextlib.suppress(OSError, AttributeError):
        if os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp():
            return subprocess.DEVNULL
    return None


class _Passed:
    """Output that goes where ours goes, and is looked at where that is no terminal.

    A program finds out whether it writes to a terminal, and writes otherwise if it does not; so terminals are
    handed on as they are.
    """

    def __init__(self, refused: Callable[[], None]) -> None:
        self._refused = refused
        self._pipes: list[tuple[int, int, int]] = []
        self._threads: list[threading.Thread] = []
        self.stdout = self._stream(1)
        self.stderr = subprocess.STDOUT if self.stdout is not None and _same(1, 2) else self._stream(2)

    def _stream(self, target: int) -> int | None:
        try:
            os.fstat(target)
        except OSError:
            # Closed, as it then is for the command.
            return None
        if os.isatty(target):
            return None
        reading, writing = os.pipe()
        self._pipes.append((reading, writing, target))
        return writing

    def begin(self) -> None:
        """The command has its ends of the pipes; what comes out of ours is passed on."""
        for reading, writing, target in self._pipes:
            os.close(writing)
            thread = threading.Thread(target=self._pass, args=(reading, target), daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """All that was written has been passed on; or nothing will be, for nothing was started."""
        if not self._threads:
            for reading, writing, _ in self._pipes:
                os.close(reading)
                os.close(writing)
        for thread in self._threads:
            thread.join(_SECONDS_TO_DRAIN)

    def _pass(self, reading: int, target: int) -> None:
        marker, before = COUNTERS_REFUSED.encode(), b""
        with os.fdopen(reading, "rb", buffering=0) as stream:
            while block := stream.read(_BLOCK_BYTES):
                if marker in before + block:
                    self._refused()
                before = block[-len(marker) :]
                while block:
                    try:
                        block = block[os.write(target, block) :]
                    except OSError:
                        # Nobody reads any more, or there is no room: the command is told so by its own pipe.
                        return


@contextmanager
def passed_on(refused: Callable[[], None]) -> Iterator[_Passed]:
    """Pass a command's output on; `refused` is called when it says that hardware counters are not given."""
    passed = _Passed(refused)
    try:
        yield passed
    finally:
        passed.end()


def _same(one: int, other: int) -> bool:
    """Whether two descriptors are one file, as after 2>&1."""
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False
