"""What a lake asks of where it lies: files by their paths within it, of which each is whole or not there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from traceql.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from traceql.store.waiting import Patience

#: Of a file: changes whenever its content does.
Stamp = tuple[object, ...]
#: The file that makes a folder a lake, and what it says.
MARKER, MADE = "lake.json", b'{"traceql_lake": 1}\n'
# With one of them at its end a path is that of a folder, which may not be there yet.
_SEPARATORS = tuple({"/", os.sep})
# Of an entry, which holds the runs of an imported file, too.
_MOST_BYTES = 64 << 20


class Place(Protocol):
    """Where a lake lies. Paths are relative to it, with slashes."""

    #: As the user wrote it, for messages.
    given: str
    #: Where DuckDB finds its parts, once `fetched` has looked at them.
    directories: Sequence[str]

    def exists(self) -> bool:
        """Whether there is a lake."""

    def make(self) -> None:
        """Make an empty lake.

        Raises:
            DatabaseError: something else is there.
        """

    def keep(self) -> None:
        """Let the lake be one from now on: something was stored in it."""

    def unmake(self, patience: Patience) -> None:
        """Remove a lake that `make` has made, unless something is in it, as somebody else may have stored."""

    def names(self, folder: str) -> dict[str, Stamp]:
        """The files right in a folder; none if it is not there."""

    def folders(self, folder: str) -> list[str]:
        """The folders right in a folder; none if it is not there."""

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if it is not there."""

    def create(self, path: str, content: bytes) -> bool:
        """Make a file that nobody else has made; whether that was so."""

    def write(self, path: str, content: bytes) -> None:
        """Put a file in place, or in place of another, whole."""

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it, if it is there."""

    def age_s(self, path: str) -> float:
        """Seconds since a file was written, by the clock of the place; 0 if it is not there."""

    def size_bytes(self) -> int:
        """Of all files."""

    def part(self, path: str) -> AbstractContextManager[Path]:
        """Where to write a file on this machine that is in its place when the block ends without an error."""

    def look_at(self, paths: Sequence[str]) -> None:
        """Refuse files that are not within the place.

        Raises:
            DatabaseError: one of them leads elsewhere.
        """

    def fetched(self, paths: Sequence[str]) -> list[str]:
        """Where DuckDB finds files, which are looked at before."""

    def changing(self, patience: Patience) -> AbstractContextManager[None]:
        """While entries are compared and changed nobody else changes any, where the place can see to that."""

    def keep_to_owner(self) -> bool:
        """Take the lake from everybody but its owner; whether others could read it."""


def whole(file: BinaryIO, given: str, path: str) -> bytes:
    """The content of an entry, a claim or the marker.

    Args:
        file: to read.
        given: the lake, for the message.
        path: of the file within it.

    Raises:
        DatabaseError: it has more bytes than any of ours.
    """
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise DatabaseError(
            f"{given}: {path} has more than {_MOST_BYTES:,} bytes",
            "No entry is that large: the lake was damaged, or made by another program.",
        )
    return content


def written(path: str | Path) -> str:
    """A path or an address as a text.

    >>> written(Path("s3://bucket/lake"))
    's3://bucket/lake'
    """
    # Two slashes are one to a Path.
    found = None if isinstance(path, str) else re.fullmatch("(s3|gs|gcs):/+(.+)", path.as_posix(), re.DOTALL)
    return f"{found[1]}://{found[2]}" if found else str(path)


def is_address(path: str) -> bool:
    """Whether a path is the address of a lake in an object store."""
    return path.startswith(("s3://", "gs://", "gcs://"))


def is_one(path: str) -> bool:
    """Whether a path means a lake: in an object store, a folder, or what ends as only a folder does."""
    return is_address(path) or path.endswith(_SEPARATORS) or Path(path).is_dir()


def of(given: str, absolute: str) -> Place:
    """Where a lake lies.

    Args:
        given: a path or an address.
        absolute: the path of a folder.

    Raises:
        DatabaseError: there is no such object store.
    """
    if is_address(given):
        # Its file systems take a while to load.
        from traceql.store.lake.bucket import Bucket

        return Bucket(given)
    from traceql.store.lake.folder import Folder

    return Folder(given, absolute)


def not_one(given: str) -> DatabaseError:
    """The error for a folder that is no lake."""
    return DatabaseError(
        f"{given}: a folder, but no lake of traceql",
        "Name a lake, a new or empty folder with --lake (lake=True), or a file.",
    )
