"""Processes that decode, see `child`: started, kept in reserve, ended.

To start one takes as long as to import what asks for it. So who knows that a report will come has one in
reserve, which imports meanwhile what it will probably need; the first report is given to that one. It ends
with the block of `reserve`, asked or not, and, as its standard input does, with this process. Where several
reports are read, one that has answered is given the next.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Where this traceql was imported from.
_HOME: Final = str(Path(__file__).parent.parent.parent)


@dataclass(frozen=True)
class Process:
    """A decoding process, the file that takes what it says on standard error, and whether it has answered."""

    process: subprocess.Popen[bytes]
    said: IO[bytes]
    has_answered: bool = False

    def kill(self) -> None:
        """End it."""
        self.process.kill()


_in_reserve: list[Process] = []
# How many blocks of `several` there are.
_of_several = 0


@contextlib.contextmanager
def several() -> Iterator[None]:
    """Until the end of the block, processes that have answered are kept for the reports that follow."""
    global _of_several
    _of_several += 1
    try:
        yield
    finally:
        _of_several -= 1
        if not _of_several:
            for one in [one for one in _in_reserve if one.has_answered]:
                with contextlib.suppress(ValueError):
                    _in_reserve.remove(one)
                    end(one)


def answered(one: Process) -> None:
    """It has answered well and waits: keep it, if reports follow, or end it."""
    if not _of_several or one.process.poll() is not None:
        end(one)
        return
    # What it said of one report is nothing of the next.
    one.said.seek(0)
    one.said.truncate()
    _in_reserve.append(Process(one.process, one.said, has_answered=True))


@contextlib.contextmanager
def reserve(names: Sequence[str]) -> Iterator[None]:
    """Have one process in reserve, for whoever decodes first.

    Args:
        names: of the reports that may come, among others: what will be needed is only guessed from them.
    """
    one = _started(names)
    _in_reserve.append(one)
    try:
        yield
    finally:
        if one in _in_reserve:
            _in_reserve.remove(one)
            end(one)


def start() -> Process:
    """A process that waits for its request: the one in reserve, or a new one."""
    with contextlib.suppress(IndexError):
        one = _in_reserve.pop()
        if one.process.poll() is None:
            return one
        end(one)
    return _started(())


def start_of(module: str) -> Process:
    """A new process of another module, which is asked and answers as `child` is and does."""
    return _started((), module)


def _started(names: Sequence[str], module: str = "traceql.read.child") -> Process:
    # A file, not a pipe: nobody reads it until there is a reason to, and a full pipe would stop the child.
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", module, *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        env=environment(),
    )
    return Process(child, said)


def environment() -> dict[str, str]:
    """That of a process which finds the same traceql, wherever it was imported from.

    With Python's ``-P`` it finds nothing in the folder that the user happens to stand in.
    """
    given = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([_HOME, *([given] if given else [])])}


def end(one: Process) -> None:
    """End it at once, whatever it does."""
    one.process.kill()
    for stream in (one.process.stdin, one.process.stdout, one.said):
        if stream:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    one.process.wait()
