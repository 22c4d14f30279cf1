"""Where a report's bytes are: unpacked if compressed, and their sha256."""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import shutil
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql import given
from traceql.errors import LimitError, ReportError, TruncatedReportError
from traceql.read import formats, temporary
from traceql.read.limits import sized
from traceql.read.suffixes import without_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

_COMPRESSIONS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "xz": (b"\xfd7zXZ\x00", (".xz",)),
    "gzip": (b"\x1f\x8b", (".gz",)),
    "zstd": (b"\x28\xb5\x2f\xfd", (".zst", ".zstd")),
}
_CHUNK = 1 << 20
# Of the space that is free: something else may need some, too.
_SHARE_OF_SPACE = 0.9
# What unpacking xz may take: its strongest preset takes 65 MiB.
_XZ_MEMORY_BYTES = 1 << 30


@dataclass(frozen=True)
class Source:
    """A report ready to be decoded.

    Attributes:
        path: plain file or directory; a temporary copy when the original was compressed.
        file_name: the original's name without its compression suffix.
        digest: what will be `sha256`.
        size_bytes: of the plain bytes.
    """

    path: Path
    file_name: str
    digest: Future[str]
    size_bytes: int

    @property
    def sha256(self) -> str:
        """Of the plain bytes; of a directory, of the sorted names and hashes of its files.

        Raises:
            OSError: they cannot be read.
        """
        return self.digest.result()


@contextlib.contextmanager
def open_source(path: Path, no_part: Callable[[Path], bool] = lambda _: False) -> Iterator[Source]:
    """Unpack (if needed) and hash the report at `path`; the copy is removed on exit.

    What the first bytes show to be no report is not unpacked. What need not be unpacked is hashed in a thread
    of its own, until the exit at most: meanwhile it can be read.

    Args:
        path: file or folder.
        no_part: whether a file in the folder is none of its parts, and not to be opened.

    Raises:
        ReportError: there is nothing at `path`, it cannot be read, its compression is damaged, or what is
            compressed is no report.
        LimitError: there is no room for it.
    """
    with _readable(path):
        members = _members(path, no_part) if path.is_dir() else None
        compression = None if members is not None else _compression(path)
        if compression is None:
            size = sum(part.stat().st_size for part in ([path] if members is None else members))
            with _hashing(path, members) as hashed:
                yield Source(path, given.valid(path.name), hashed, size)
            return
        file_name = without_suffix(given.valid(path.name), _COMPRESSIONS[compression][1])
        with temporary.folder() as folder:
            plain = folder / file_name
            digest, size = _unpack(path, compression, plain)
            yield Source(plain, file_name, known(digest), size)


def known(digest: str) -> Future[str]:
    """A hash that nobody has to wait for."""
    # Which takes a hundredth of a second to import, and questions about names need none.
    from concurrent.futures import Future

    at_once: Future[str] = Future()
    at_once.set_result(digest)
    return at_once


def digest_of(path: Path, no_part: Callable[[Path], bool] = lambda _: False) -> str:
    """The hash of a report's bytes as they lie there: sooner known than that of what they unpack to.

    Args:
        path: as for `open_source`.
        no_part: likewise.

    Raises:
        ReportError: there is nothing at `path`, or it cannot be read.
    """
    with _readable(path):
        return _hash(path, _members(path, no_part) if path.is_dir() else None)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say of what cannot be read why."""
    if not path.exists():
        raise ReportError(f"{path}: no such file or directory", "Check the path.")
    if not path.is_file() and not path.is_dir():
        # A pipe can be read once only, and a device may never end.
        raise ReportError(f"{path}: not a file", "Copy the report to a file first.")
    try:
        yield
    except PermissionError as error:
        raise ReportError(f"{path}: permission denied", "Check who may read the file.") from error


def plain_name(file_name: str) -> str:
    """The file name without the suffix of a compression.

    >>> plain_name("run.ncu-rep.xz")
    'run.ncu-rep'
    """
    suffixes = tuple(suffix for _, known in _COMPRESSIONS.values() for suffix in known)
    return without_suffix(file_name, suffixes)


def packed_names(file_name: str) -> list[str]:
    """What a file of that name may be called when it is compressed."""
    return [file_name + suffix for _, known in _COMPRESSIONS.values() for suffix in known]


def _compression(path: Path) -> str | None:
    with path.open("rb") as file:
        return _compression_of(file.read(8))


def _compression_of(head: bytes) -> str | None:
    return next((name for name, (magic, _) in _COMPRESSIONS.items() if head.startswith(magic)), None)


def _unpack(path: Path, compression: str, target: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    folder = target.parent
    free = shutil.disk_usage(folder).free
    try:
        with contextlib.closing(_unpacked(path, compression)) as chunks, target.open("wb") as plain:
            for chunk in _recognised(chunks, compression, path.name, target.name):
                size += len(chunk)
                if size > free * _SHARE_OF_SPACE:
                    raise LimitError(
                        f"{path.name}: cannot be unpacked: its {sized(path.stat().st_size)} unpack to "
                        f"more than {sized(size)}, of {sized(free)} that are free in {folder.parent}",
                        "TMPDIR selects another place. A report that cannot be that large is damaged.",
                    )
                digest.update(chunk)
                plain.write(chunk)
    except EOFError as error:
        raise TruncatedReportError(
            f"{path.name}: the {compression} data ends too early", "Copy the file again."
        ) from error
    except (lzma.LZMAError, zlib.error, OSError) as error:
        # Only errors of the file system carry an errno; a codec's complaints about the data do not.
        if isinstance(error, OSError) and error.errno is not None:
            raise ReportError(
                f"{path.name}: cannot be unpacked to {folder}: {error.strerror}",
                f"{shutil.disk_usage(folder).free:,} bytes are free there; TMPDIR selects another place.",
            ) from error
        raise ReportError(
            f"{path.name}: damaged {compression} data ({error})", "Copy the file again."
        ) from error
    return digest.hexdigest(), size


def _recognised(chunks: Iterator[bytes], compression: str, name: str, plain: str) -> Iterator[bytes]:
    """The chunks again, unless the first bytes show that they are no report."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= formats.HEAD_BYTES:
            break
    within = _compression_of(head)
    if within is not None:
        raise ReportError(
            f"{name}: compressed twice ({within}, and that with {compression})", "Unpack it once yourself."
        )
    formats.reader_of(head[: formats.HEAD_BYTES], plain)
    yield head
    yield from chunks


def _unpacked(path: Path, compression: str) -> Generator[bytes]:
    """The plain bytes, a chunk at a time."""
    if compression == "xz":
        yield from _unpacked_xz(path)
    elif compression == "gzip":
        import gzip

        with gzip.open(path) as packed:
            while chunk := packed.read(_CHUNK):
                yield chunk
    else:
        import pyarrow as pa

        with pa.CompressedInputStream(str(path), "zstd") as packed:
            while chunk := packed.read(_CHUNK):
                yield chunk


def _unpacked_xz(path: Path) -> Generator[bytes]:
    # Not by lzma.open: it takes any memory that a file asks for, and ends in silence where garbage begins.
    with path.open("rb") as file:
        data = file.read(_CHUNK)
        while data:
            stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
            while not stream.eof:
                if stream.needs_input and not data:
                    data = file.read(_CHUNK)
                    if not data:
                        raise EOFError
                chunk = stream.decompress(data, _CHUNK)
                data = b""
                if chunk:
                    yield chunk
            # Streams may follow each other, with zeros between them.
            data = stream.unused_data.lstrip(b"\0")
            while not data and (more := file.read(_CHUNK)):
                data = more.lstrip(b"\0")


def _members(folder: Path, no_part: Callable[[Path], bool]) -> list[Path]:
    """The files of a folder that are parts of the report; all of them can be read."""
    members = sorted(member for member in folder.iterdir() if member.is_file() and not no_part(member))
    for member in members:
        member.open("rb").close()
    return members


@contextlib.contextmanager
def _hashing(path: Path, members: Sequence[Path] | None) -> Iterator[Future[str]]:
    """The hash as it will be; nobody waits for it behind the end of the block."""
    from concurrent.futures import Future

    digest: Future[str] = Future()
    over = threading.Event()

    def work() -> None:
        try:
            digest.set_result(_hash(path, members, over))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            digest.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield digest
    finally:
        over.set()
        thread.join()


def _hash(path: Path, members: Sequence[Path] | None, over: threading.Event | None = None) -> str:
    """Of a file, or of the members of a folder.

    Args:
        path: the file.
        members: of the folder; None for a file.
        over: says that nobody wants to know any more.
    """
    if members is None:
        return _hash_file(path, over)
    digest = hashlib.sha256()
    for member in members:
        digest.update(os.fsencode(member.name) + f"\0{_hash_file(member, over)}\n".encode())
    return digest.hexdigest()


def _hash_file(path: Path, over: threading.Event | None) -> str:
    digest = hashlib.sha256()
    piece = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(piece):
            if over is not None and over.is_set():
                from concurrent.futures import CancelledError

                # The hash of a part of it must not be taken for its own.
                raise CancelledError
            digest.update(piece[:size])
    return digest.hexdigest()
