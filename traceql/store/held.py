"""Which files this process has open as databases: nothing else opens those, not even for a look.

On POSIX any close of a file gives up all locks that the process has on it, whoever opened it: another process
could then write beside this one. So a file is looked at under the lock under which databases are opened, and
not at all while this process has it open. What does not begin as a database, nobody opens as one.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from traceql import given
from traceql.read import formats, temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What makes two names one file: its device and its number there.
Identity = tuple[int, int]

# Beside a database of that name: DuckDB's log and folder for spilling, and what is put in its place.
_NEW = rf"\.{temporary.OF_PROCESS}-[0-9a-f]{{8}}\.new"
_BESIDE = rf"(?:{_NEW})?(?:\.wal(?:\.\w+)?|\.tmp|\.compact|)"
# Whatever the database is called.
_COMPANION = re.compile(rf".(?:{_NEW}(?:\.wal)?|\.wal)$")

_lock = threading.RLock()
_held: set[Identity] = set()

if hasattr(os, "register_at_fork"):
    # No opening is under way in a forked process, which could not end there.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def identity(path: str | Path | int) -> Identity | None:
    """Of the file at `path` now, under whatever name, or open as that number; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def opening() -> Iterator[None]:
    """While a database is opened, nobody else looks at files, nor opens one."""
    with _lock:
        yield


def pin(path: str) -> int | None:
    """Open a file so that no other one gets its identity when it is removed; None where that cannot happen.

    To be closed only when the database is closed, for the sake of its lock.
    """
    with contextlib.suppress(OSError):
        # Windows uses no number twice, and lets nobody else open what is written.
        if os.name == "posix" and Path(path).is_file():
            return os.open(path, os.O_RDONLY)
    return None


def hold(file: Identity) -> None:
    """Note that this process has a file open; within `opening`."""
    _held.add(file)


def holds(file: Identity) -> bool:
    """Whether this process has a file open."""
    return file in _held


def let_go(file: Identity, pinned: int | None) -> None:
    """Note that it is closed, and close what pinned it."""
    with _lock:
        _held.discard(file)
        if pinned is not None:
            os.close(pinned)


def is_database(path: str | Path) -> bool:
    """Whether a file begins as a DuckDB database; one that this process has open is not opened for that."""
    with _lock:
        return identity(path) in _held or formats.is_duckdb(head(path) or b"")


def head(path: str | Path) -> bytes | None:
    """How a file begins that this process has not open as a database; None if nobody may look."""
    with contextlib.suppress(OSError, ValueError):
        # A pipe would be waited for.
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                return file.read(formats.HEAD_BYTES)
    return None


def spare(path: str | Path) -> None:
    """Refuse a database where something else is to be read.

    Raises:
        ReportError: it is one.
    """
    if is_database(path):
        raise formats.database_given(Path(path).name)


def new_name(database: str) -> str:
    """Where a database is made before it comes into its place: a name that tells whose it is."""
    return f"{database}.{temporary.mine()}-{uuid.uuid4().hex[:8]}.new"


def has_log(database: str) -> bool:
    """Whether a database that nobody has open left something in its log that is not in the file."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(f"{database}.wal").st_size > 0  # noqa: PTH116
    return False


def sync_folder(place: str) -> None:
    """Have the name that a file was given on the disk, where that can be asked for."""
    with contextlib.suppress(OSError):
        folder = os.open(Path(place).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sweep(database: str) -> None:
    """Remove what processes left beside a database that were killed while they made it."""
    place = Path(database)
    temporary.sweep_files(str(place.parent), rf"{re.escape(place.name)}{_NEW}(?:\.wal)?")


def is_companion(name: str) -> bool:
    """Whether a file is called like what lies beside databases for a while."""
    return _COMPANION.search(name) is not None


def belongs_to(path: Path, database: Path) -> bool:
    """Whether a file is the database, by whatever name, or lies beside it on its behalf."""
    there = identity(database)
    if there is not None and identity(path) == there:
        return True
    if database.is_dir() and given.real(path).is_relative_to(given.real(database)):
        # A part of a lake.
        return True
    return given.real(path).parent == given.real(database).parent and any(
        re.fullmatch(re.escape(name) + _BESIDE, path.name)
        for name in {database.name, given.real(database).name}
    )
