"""A lake in an object store, through pyarrow's file systems: ``s3://BUCKET/FOLDER``, ``gs://BUCKET/FOLDER``.

A store puts an object in place whole, and lists at once what was put. Nobody can be kept from putting one in
place of another, so exclusive creation goes by announcement: who sees another's beside one's own has lost.
DuckDB reads parts from copies, which this process fetches once, for no part ever changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from traceql.errors import DatabaseError
from traceql.read import temporary
from traceql.store.lake.folder import UNFINISHED
from traceql.store.lake.place import MADE, MARKER, Stamp, not_one, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from traceql.store.waiting import Patience

_NOBODY = "anonymous"
# Requests wait for the network, not for this machine.
_AT_ONCE = 16
# Stores tell the second in which an object was put; clocks differ. One that is younger may change within it.
_FRESH_S = 60.0


class Bucket:
    """See `traceql.store.lake.place.Place`.

    Args:
        given: the address; options of pyarrow follow a ``?`` (``endpoint_override``, ``scheme``, ``region``).

    Raises:
        DatabaseError: there is no such store, or the address has keys in it.
    """

    def __init__(self, given: str) -> None:
        from pyarrow import fs

        parted = urlsplit(given)
        # Of a bucket that anybody may read pyarrow is told so by a name in place of keys.
        if parted.password or parted.username not in (None, _NOBODY):
            raise DatabaseError(
                f"{parted.scheme}://…@{parted.hostname}: an address with keys in it, which messages tell",
                "Give them as the store's own tools take them: AWS_ACCESS_KEY_ID, AWS_PROFILE …",
            )
        self.given = given
        try:
            self._fs, root = fs.FileSystem.from_uri(given)
        except (OSError, ValueError) as error:
            raise DatabaseError(f"{given}: cannot be opened ({error})", "Check the address.") from error
        self._root = root.rstrip("/")
        self._copies, _ = temporary.folder_of(self)
        self.directories: Sequence[str] = [str(self._copies)]
        self._is_there = False
        # Whether `make` has made it, and nothing was stored since.
        self._is_mine = False
        # (path, time, size) → content, of entries that are listed.
        self._seen: dict[tuple[str, int, int], bytes] = {}

    def exists(self) -> bool:
        """Whether there is a lake."""
        self._is_there = self._is_there or self._has(MARKER)
        return self._is_there

    def make(self) -> None:
        """Make an empty lake where there is nothing."""
        if not self.exists():
            if self._listed("", recursive=True):
                raise not_one(self.given)
            self.write(MARKER, MADE)
            self._is_mine = True

    def keep(self) -> None:
        """Let the lake be one, even if who made it has just given it up."""
        self._is_mine = False
        if not self._has(MARKER):
            self.write(MARKER, MADE)

    def unmake(self, patience: Patience) -> None:  # noqa: ARG002
        """Remove an empty lake that this has made."""
        if self._is_mine and not self._is_used():
            self.remove(MARKER)
            if self._is_used():
                # Somebody has begun to store just now.
                self.write(MARKER, MADE)
            else:
                self._is_mine = self._is_there = False

    def _is_used(self) -> bool:
        return any(info.path != self._at(MARKER) for info in self._listed("", recursive=True) if info.is_file)

    def names(self, folder: str) -> dict[str, Stamp]:
        """The objects right in a folder, each with what it holds: the time of a store is too coarse."""
        seen: dict[tuple[str, int, int], bytes] = {}
        found: dict[str, tuple[str, int, int]] = {}
        now = time.time()
        for info in self._listed(folder):
            if info.is_file:
                path = f"{folder}/{info.base_name}".lstrip("/")
                key = (path, info.mtime_ns or 0, info.size)
                found[info.base_name] = key
                if key in self._seen and now - key[1] / 1e9 > _FRESH_S:
                    seen[key] = self._seen[key]
        unread = [key for key in found.values() if key not in seen and key[0].endswith(".json")]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            contents = pool.map(lambda key: self._content(key[0]), unread)
            seen |= {key: one for key, one in zip(unread, contents, strict=True) if one is not None}
        self._seen = {
            key: one for key, one in self._seen.items() if key[0].rpartition("/")[0] != folder
        } | seen
        return {
            name: (*key[1:], hashlib.sha256(seen.get(key, b"")).hexdigest()) for name, key in found.items()
        }

    def folders(self, folder: str) -> list[str]:
        """The folders right in a folder."""
        # By what lies in them: of Google's store pyarrow lists only folders that have an object of their own.
        above = f"{self._at(folder)}/"
        below = (info.path.removeprefix(above) for info in self._listed(folder, recursive=True))
        return sorted({path.partition("/")[0] for path in below if "/" in path})

    def read(self, path: str) -> bytes | None:
        """The content of an object, as it was listed if it was."""
        listed = [one for key, one in self._seen.items() if key[0] == path]
        return listed[-1] if listed else self._content(path)

    def create(self, path: str, content: bytes) -> bool:
        """Make an object that nobody else has made.

        Of two that announce it at the same moment both may lose, and never both win: who has won was listed
        alone, so that the other's announcement came later, and saw the first or what it made.
        """
        if self._has(path):
            return False
        mine = f"{path}.{uuid.uuid4().hex}.{temporary.mine()}{UNFINISHED}"
        self.write(mine, b"")
        try:
            folder, _, name = path.rpartition("/")
            others = [
                info.base_name
                for info in self._listed(folder)
                if info.base_name.startswith(f"{name}.") and info.base_name.endswith(UNFINISHED)
            ]
            if others != [mine.rpartition("/")[2]] or self._has(path):
                return False
            self.write(path, content)
            return True
        finally:
            self.remove(mine)

    def write(self, path: str, content: bytes) -> None:
        """Put an object in place, or in place of another."""
        try:
            with self._fs.open_output_stream(self._at(path)) as stream:
                stream.write(content)
        finally:
            # An error does not tell whether it has come into its place.
            self._forget(path)

    def remove(self, path: str) -> None:
        """Remove an object or a folder."""
        from pyarrow import fs

        with contextlib.suppress(FileNotFoundError):
            info = self._fs.get_file_info(self._at(path))
            if info.type == fs.FileType.Directory:
                self._fs.delete_dir(self._at(path))
            elif info.type == fs.FileType.File:
                self._fs.delete_file(self._at(path))
        self._forget(path)

    def age_s(self, path: str) -> float:
        """Seconds since an object was put, by the clock of this machine."""
        written_ns = self._fs.get_file_info(self._at(path)).mtime_ns
        return time.time() - written_ns / 1e9 if written_ns else 0.0

    def size_bytes(self) -> int:
        """Of all objects."""
        return sum(info.size for info in self._listed("", recursive=True) if info.is_file)

    @contextlib.contextmanager
    def part(self, path: str) -> Iterator[Path]:
        """Where to write a part: on this machine, from where it is put in its place."""
        with temporary.folder() as here:
            made = here / "part"
            yield made
            with made.open("rb") as file, self._fs.open_output_stream(self._at(path)) as stream:
                shutil.copyfileobj(file, stream, 1 << 20)

    def look_at(self, paths: Sequence[str]) -> None:
        """A store has no links."""

    def fetched(self, paths: Sequence[str]) -> list[str]:
        """Copies of parts; they keep the names of their folders."""
        missing = [path for path in paths if not (self._copies / path).exists()]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._fetch, missing))
        return [str(self._copies / path) for path in paths]

    @contextlib.contextmanager
    def changing(self, patience: Patience) -> Iterator[None]:  # noqa: ARG002
        """A store has no locks: entries are compared, and no more."""
        yield

    def keep_to_owner(self) -> bool:
        """Refuse what is for the owner alone.

        Raises:
            DatabaseError: always.
        """
        raise DatabaseError(
            f"{self.given}: who may read an object store is not for traceql to say",
            "Keep environments in a file or a folder (--db), or leave --keep-environment away.",
        )

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/")

    def _has(self, path: str) -> bool:
        return bool(self._fs.get_file_info(self._at(path)).is_file)

    def _listed(self, folder: str, *, recursive: bool = False) -> list[Any]:
        """What is in a folder, as pyarrow's FileInfo."""
        from pyarrow import fs

        there = fs.FileSelector(self._at(folder), allow_not_found=True, recursive=recursive)
        return list(self._fs.get_file_info(there))

    def _content(self, path: str) -> bytes | None:
        with contextlib.suppress(FileNotFoundError), self._fs.open_input_stream(self._at(path)) as stream:
            return whole(stream, self.given, path)
        return None

    def _fetch(self, path: str) -> None:
        target = self._copies / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whole when it has its name: other threads look for it.
        half = target.with_name(f"{uuid.uuid4().hex}{UNFINISHED}")
        with contextlib.suppress(FileNotFoundError), self._fs.open_input_stream(self._at(path)) as stream:
            with half.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
            half.replace(target)

    def _forget(self, path: str) -> None:
        self._seen = {key: one for key, one in self._seen.items() if key[0] != path}
