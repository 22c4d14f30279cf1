"""All that a command started, children with sessions of their own included.

On Linux this process becomes the one to whom orphans fall (PR_SET_CHILD_SUBREAPER): whatever a command
started stays below it in the tree of processes, and is found there. Elsewhere there is no such thing; there a
command's process group is all that can be reached, so a child with a session of its own may live on.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC = Path("/proc")
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37
_ZOMBIE = "Z"
_SECONDS_BETWEEN_LOOKS = 0.05


class Family:
    """The processes that were started since; those of before are none of them."""

    def __init__(self) -> None:
        self._before = {pid for pid, (parent, _) in _processes().items() if parent == os.getpid()}
        #: Children that somebody waits for; all others fall to us, and are waited for here.
        self.waited: set[int] = set()

    def living(self) -> list[int]:
        """All of them that run."""
        processes = _processes()
        children: dict[int, list[int]] = {}
        for pid, (parent, _) in processes.items():
            children.setdefault(parent, []).append(pid)
        found, new = [], [pid for pid in children.get(os.getpid(), ()) if pid not in self._before]
        while new:
            pid = new.pop()
            new += children.get(pid, ())
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
