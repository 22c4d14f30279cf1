"""All that a command started, children with sessions of their own included.

On Linux this process becomes the one to whom orphans fall (PR_SET_CHILD_SUBREAPER): whatever a command
started stays below it in the tree of processes, and is found there. Elsewhere there is no such thing; there a
command's process group is all that can be reached, so a child with a session of its own may live on.

This process may be killed before it can end anything (SIGKILL). For that another one stands by (`guarded`),
which runs this file: it reads from a pipe that ends when this process does, and then ends the command and all
below it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_PROC = Path("/proc")
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37
_ZOMBIE = "Z"
_SECONDS_BETWEEN_LOOKS = 0.05
# From SIGTERM to SIGKILL, for whom nobody waits any more.
_SECONDS_TO_LEAVE = 5.0


class Family:
    """The processes that were started since; those of before are none of them."""

    def __init__(self) -> None:
        self._before = {pid for pid, (parent, _) in _processes().items() if parent == os.getpid()}
        #: Children that somebody waits for; all others fall to us, and are waited for here.
        self.waited: set[int] = set()

    def living(self) -> list[int]:
        """All of them that run."""
        processes = _processes()
        ours = [pid for pid, (parent, _) in processes.items() if parent == os.getpid()]
        found = []
        for pid in _with_all_below([pid for pid in ours if pid not in self._before], processes):
            if processes[pid][1] != _ZOMBIE:
                found.append(pid)
            elif processes[pid][0] == os.getpid() and pid not in self.waited:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        return found

    def signal(self, number: int) -> None:
        """Send all of them a signal."""
        for pid in self.living():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def gone(self, seconds: float) -> bool:
        """Whether all have ended, within so many seconds."""
        deadline = time.monotonic() + seconds
        while self.living():
            if time.monotonic() > deadline:
                return False
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return True


@contextlib.contextmanager
def adopted() -> Iterator[Family]:
    """While this lasts, orphans fall to this process, where the system knows how."""
    before = _subreaper()
    if before is not None:
        _libc().prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield Family()
    finally:
        if before is not None:
            _libc().prctl(_SET_CHILD_SUBREAPER, before, 0, 0, 0)


@contextlib.contextmanager
def guarded() -> Iterator[Callable[[int], None]]:
    """While this lasts, the command whose id is told ends when this process does, in whatever way it does.

    Windows knows no groups of processes, which a command must be the first of: nothing stands by there.
    """
    guard = None
    if hasattr(os, "killpg"):
        # Without it a command can be recorded all the same.
        with contextlib.suppress(OSError):
            guard = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C is not meant for it.
                start_new_session=True,
            )

    def tell(pid: int) -> None:
        if guard is not None and guard.stdin is not None:
            with contextlib.suppress(OSError):
                guard.stdin.write(b"%d\n" % pid)
                guard.stdin.flush()

    try:
        yield tell
    finally:
        if guard is not None:
            # Before its pipe ends.
            guard.kill()
            guard.communicate()


def _stand_by() -> None:
    """What the guard does: wait for the end of its input, then end the process that was named in it."""
    told = sys.stdin.readline()
    sys.stdin.read()
    if not told or not hasattr(os, "killpg"):
        return
    command = int(told)
    # Whoever loses his parent is not found again.
    family = list(_with_all_below([command], _processes()))
    for number, seconds in ((signal.SIGTERM, _SECONDS_TO_LEAVE), (signal.SIGKILL, 0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(command, number)
        for pid in family:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _processes().keys() & family:
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _with_all_below(pids: Iterable[int], processes: Mapping[int, tuple[int, str]]) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in processes.items():
        children.setdefault(parent, []).append(pid)
    new = list(pids)
    while new:
        pid = new.pop()
        new += children.get(pid, ())
        yield pid


def _subreaper() -> int | None:
    """Whether orphans fall to this process; None where they never do."""
    if sys.platform != "linux":
        return None
    value = ctypes.c_int()
    try:
        failed = _libc().prctl(_GET_CHILD_SUBREAPER, ctypes.byref(value), 0, 0, 0)
    except (OSError, AttributeError):
        return None
    return None if failed else value.value


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _processes() -> dict[int, tuple[int, str]]:
    """Parent and state of every process; none where there is no /proc."""
    found = {}
    for place in _PROC.glob("[0-9]*/stat") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):
            # "12 (a name (of sorts)) S 1 …"
            state, parent, *_ = place.read_text(errors="replace").rpartition(")")[2].split()
            found[int(place.parent.name)] = (int(parent), state)
    return found


if __name__ == "__main__":
    _stand_by()
