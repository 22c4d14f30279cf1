"""Temporary folders: gone with their use, or, if their process was killed, when the next one starts.

A folder's name tells whose it is: ``traceql-MACHINE-PID-START-…``, the last as the system counts it. The
first folder that a process makes in a place sweeps those whose process is dead: of this user, on this machine
(in this container, for others count processes anew), and no links. So it is with files of such names.

And files that take the place of others when they are whole.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
import time
import weakref
import zlib
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where this process has made some.
_places: set[str] = set()
# One thread at a time makes one, and none while all are removed at the end.
_making = threading.Lock()
# Who still writes into a folder that is being removed is met again so many times, after so long.
_MOST_TRIES: Final = 50
_PAUSE_S: Final = 0.01
#: What a name tells of the process that made the file or folder; see `mine`.
OF_PROCESS: Final = r"([0-9a-f]{8})-(\d+)-(\d+)"


@contextlib.contextmanager
def folder(within: Path | None = None) -> Iterator[Path]:
    """A new folder, for its owner alone, until the end of the block.

    Args:
        within: where it is made; by default where the system has such files.
    """
    made = _make(within)
    try:
        yield made
    finally:
        _remove(made)


def folder_of(owner: object) -> tuple[Path, weakref.finalize[..., object]]:
    """A new folder, for its owner alone, until its function is called or the object is no more."""
    made = _make(None)
    return made, weakref.finalize(owner, _remove, made)


@contextlib.contextmanager
def replacing(place: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place at the end of the block; after an error, what was there is as it was."""
    partial = place.with_name(f".traceql-{os.urandom(8).hex()}.part")
    try:
        with partial.open("xb") as file:
            yield file
        if place.exists():
            shutil.copymode(place, partial)
        partial.replace(place)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def remove_all() -> None:
    """Remove all folders of this process, which ends at once and makes no more, whoever still uses them."""
    _making.acquire()
    for place in tuple(_places):
        for made in Path(place).glob(f"traceql-{mine()}-*"):
            for _ in range(_MOST_TRIES):
                _remove(made)
                if not made.exists():
                    break
                time.sleep(_PAUSE_S)


def _make(within: Path | None) -> Path:
    place = str(within or tempfile.gettempdir())
    _sweep(place)
    with _making:
        _places.add(place)
        return Path(tempfile.mkdtemp(prefix=f"traceql-{mine()}-", dir=place))


def _remove(made: Path) -> None:
    shutil.rmtree(made, ignore_errors=True)


def _forked() -> None:
    """Nobody makes one there yet; those that are there are the other process's, by their names."""
    global _making
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@cache
def _sweep(place: str) -> None:
    """Remove folders whose process is dead. Another that does so at the same time does no harm."""
    for entry in _left(place, rf"traceql-{OF_PROCESS}-.*"):
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)


@cache
def sweep_files(place: str, named: str) -> None:
    """Remove files whose process is dead, once.

    Args:
        place: folder.
        named: pattern of their names, of which `OF_PROCESS` is a part.
    """
    for entry in _left(place, named):
        with contextlib.suppress(OSError):
            if entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)  # noqa: PTH108 - as the folder was listed


def _left(place: str, named: str) -> Iterator[os.DirEntry[str]]:
    """What this user's processes left in a folder that are dead."""
    # Elsewhere only a process itself can be asked whether it lives, and asking may end it.
    if sys.platform == "win32" or not hasattr(os, "getuid"):
        return
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            found = re.fullmatch(named, entry.name, re.DOTALL)
            if found is None or found[1] != _machine():
                continue
            with contextlib.suppress(OSError):
                ours = entry.stat(follow_symlinks=False).st_uid == os.getuid()
                if ours and not _lives(int(found[2]), int(found[3])):
                    yield entry


def mine() -> str:
    """Whose something is that this process makes, as names of folders have it: MACHINE-PID-START."""
    pid = os.getpid()
    return f"{_machine()}-{pid}-{_start(pid)}"


def has_ended(whose: str) -> bool | None:
    """Whether the process has ended that `mine` named; None where that cannot be known here.

    >>> has_ended(mine())
    False
    >>> has_ended("of another machine") is None
    True
    """
    named = re.fullmatch(OF_PROCESS, whose)
    if sys.platform == "win32" or named is None or named[1] != _machine():
        return None
    return not _lives(int(named[2]), int(named[3]))


def _lives(pid: int, start: int) -> bool:
    """Whether that process still runs, and not another one of its number."""
    if sys.platform == "linux":
        # It may have no access to what others run, but such a process is not of this user.
        return _start(pid) == start
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _start(pid: int) -> int:
    """When a process began, in ticks since the machine did; 0 where the system does not tell."""
    try:
        # Its name, in brackets, may hold anything.
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


@cache
def _machine() -> str:
    """What numbers processes: the machine, or a container on it."""
    numbers = ""
    with contextlib.suppress(OSError):
        numbers = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path, but what a name stands for
    return f"{zlib.crc32(f'{platform.node()} {numbers}'.encode()):08x}"
