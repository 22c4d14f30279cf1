"""A lake in a folder: of this machine, or one that several machines share."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from traceql.errors import DatabaseError
from traceql.read import temporary
from traceql.store.lake.place import MADE, MARKER, Stamp, not_one, whole
from traceql.store.waiting import BusyError, Wait
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from traceql.store.waiting import Patience

#: Of what is being written: whose it is stands before.
UNFINISHED = ".new"
_LOCK = "lock"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class Folder:
    """See `traceql.store.lake.place.Place`.

    Args:
        given: as the user wrote it.
        root: absolute.
    """

    def __init__(self, given: str, root: str) -> None:
        self.given = given
        self._root = Path(root)
        self.directories: Sequence[str] = [str(self._root / table.name) for table in schema.TABLES]
        # Of a lake that `make` has made, until something is stored: the folders that there were not before.
        self._made: list[Path] | None = None
        # Who could do what with the folder before it was its owner's alone.
        self._mode: int | None = None

    def exists(self) -> bool:
        """Whether there is a lake."""
        return (self._root / MARKER).is_file()

    def make(self) -> None:
        """Make an empty lake of a folder that is new or empty."""
        if self.exists():
            return
        with contextlib.suppress(FileNotFoundError):
            # What another process is about to make the marker of is none of the others' files.
            others = [path for path in self._root.iterdir() if not path.name.startswith(MARKER)]
            if others and not self.exists():
                raise not_one(self.given)
        new = [folder for folder in (self._root, *self._root.parents) if not folder.exists()]
        try:
            if self.create(MARKER, MADE):
                self._made = new
        except BaseException:
            _remove_empty(new)
            raise

    def keep(self) -> None:
        """Let the lake be one, even if who made it has just given it up."""
        self._made = None
        if not self.exists():
            self.create(MARKER, MADE)

    def unmake(self, patience: Patience) -> None:
        """Remove an empty lake that this has made, and the folders that it has made for it."""
        if (made := self._made) is None:
            return
        with self.changing(patience):
            if self._is_used():
                return
            (self._root / MARKER).unlink(missing_ok=True)
            if self._is_used():
                # Somebody has begun to store just now.
                self.create(MARKER, MADE)
                return
            _remove_empty([Path(folder) for folder, _, _ in os.walk(self._root, topdown=False)][:-1])
            (self._root / _LOCK).unlink(missing_ok=True)
        self._made = None
        _remove_empty(made)
        if self._mode is not None:
            with contextlib.suppress(FileNotFoundError):
                self._root.chmod(self._mode)

    def _is_used(self) -> bool:
        """Whether there are files beside those of an empty lake."""
        ours = {self._root / MARKER, self._root / _LOCK}
        return any(Path(at) / name not in ours for at, _, files in os.walk(self._root) for name in files)

    def names(self, folder: str) -> dict[str, Stamp]:
        """The files right in a folder."""
        found: dict[str, Stamp] = {}
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(self._root / folder) as there,
        ):
            for entry in there:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        found[entry.name] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return found

    def folders(self, folder: str) -> list[str]:
        """The folders right in a folder."""
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(self._root / folder) as there,
        ):
            return [entry.name for entry in there if entry.is_dir(follow_symlinks=False)]
        return []

    def read(self, path: str) -> bytes | None:
        """The content of a file."""
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self._root / path, os.O_RDONLY | _NO_LINK)
            with os.fdopen(descriptor, "rb") as file:
                return whole(file, self.given, path)
        return None

    def create(self, path: str, content: bytes) -> bool:
        """Make a file that nobody else has made: a link never takes the place of a file."""
        target = self._inside(path)
        made = self._written(target, content)
        try:
            target.hardlink_to(made)
        except FileExistsError:
            return False
        except OSError:
            # A file system without hard links.
            try:
                with target.open("xb") as file:
                    file.write(content)
            except FileExistsError:
                return False
        finally:
            made.unlink(missing_ok=True)
        return True

    def write(self, path: str, content: bytes) -> None:
        """Put a file in place, or in place of another."""
        target = self._inside(path)
        self._written(target, content).replace(target)

    def _written(self, target: Path, content: bytes) -> Path:
        made = target.with_name(f"{target.name}.{uuid.uuid4().hex}.{temporary.mine()}{UNFINISHED}")
        try:
            with _new_file(made) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            made.unlink(missing_ok=True)
            raise
        return made

    def remove(self, path: str) -> None:
        """Remove a file or a folder."""
        target = self._inside(path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)

    def age_s(self, path: str) -> float:
        """Seconds since a file was written, as the clock of the disk has it."""
        with contextlib.suppress(OSError):
            written = (self._root / path).stat().st_mtime
            clock = self._written(self._root / "clock", b"")
            try:
                return clock.stat().st_mtime - written
            finally:
                clock.unlink(missing_ok=True)
        return 0.0

    def size_bytes(self) -> int:
        """Of all files."""
        total = 0
        for folder, _, files in os.walk(self._root):
            for name in files:
                with contextlib.suppress(OSError):
                    total += (Path(folder) / name).lstat().st_size
        return total

    @contextlib.contextmanager
    def part(self, path: str) -> Iterator[Path]:
        """Where to write a file: at its place, for nobody looks at what no entry names."""
        target = self._inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        yield target
        descriptor = os.open(target, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def look_at(self, paths: Sequence[str]) -> None:
        """Refuse files that are links, or lie behind one."""
        known: set[Path] = set()
        for path in paths:
            self._inside(path, known)

    def fetched(self, paths: Sequence[str]) -> list[str]:
        """Where the files are."""
        self.look_at(paths)
        return [str(self._root / path) for path in paths]

    def _inside(self, path: str, known: set[Path] | None = None) -> Path:
        """Where a file is; neither it nor a folder on the way to it is a link, which would lead elsewhere.

        Args:
            path: of the file.
            known: folders that have been looked at.
        """
        target = self._root / path
        on_the_way = [place for place in target.parents if self._root in place.parents]
        for place in (target, *on_the_way):
            if known is None or place not in known:
                # What is not there leads nowhere.
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    mode = place.lstat().st_mode
                    if not stat.S_ISDIR(mode) and not (place == target and stat.S_ISREG(mode)):
                        raise DatabaseError(
                            f"{self.given}: {place.relative_to(self._root).as_posix()} leads elsewhere",
                            "A lake holds files and folders only, no links. Copy it anew.",
                        )
        if known is not None:
            known.update(on_the_way)
        return target

    @contextlib.contextmanager
    def changing(self, patience: Patience) -> Iterator[None]:
        """Hold the lake's lock, which the system gives back when a process ends in whatever way."""
        wait = Wait(self.given, patience)
        while True:
            descriptor = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
            try:
                while not _locked(descriptor):
                    wait.go_on(BusyError("another process, which changes its entries"))
                # Who held it may have given the lake up, and removed it: the next one would hold another.
                if _is_at(descriptor, self._root / _LOCK):
                    yield
                    return
            finally:
                os.close(descriptor)

    def keep_to_owner(self) -> bool:
        """Take the folder from everybody but its owner."""
        if sys.platform == "win32":
            return False
        mode = stat.S_IMODE(self._root.stat().st_mode)
        shared = bool(mode & 0o077)
        if shared:
            self._mode = mode
            with contextlib.suppress(OSError):
                self._root.chmod(mode & 0o700)
        return shared and not self._root.stat().st_mode & 0o077


def _new_file(path: Path) -> BinaryIO:
    """A new file in a folder that is made if it is not there."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Who gives a lake up may remove the folder in between.
        with contextlib.suppress(FileNotFoundError):
            return path.open("xb")


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, those within others first, of which another process may use some."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _locked(descriptor: int) -> bool:
    """Whether the lock was free, and is held now."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Held by another, or a file system that has no locks: then entries are compared, and no more.
        return error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
    return True
