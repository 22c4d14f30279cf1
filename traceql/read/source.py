"""Where a report's bytes are: unpacked if compressed, and their sha256."""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import shutil
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from traceql.errors import ReportError, TruncatedReportError
from traceql.read import temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_COMPRESSIONS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "xz": (b"\xfd7zXZ\x00", (".xz",)),
    "gzip": (b"\x1f\x8b", (".gz",)),
    "zstd": (b"\x28\xb5\x2f\xfd", (".zst", ".zstd")),
}
_CHUNK = 1 << 20

#: Refuse to unpack more than this: real reports stay under 4 GiB, a decompression bomb does not.
MAX_UNPACKED_BYTES = 16 << 30


@dataclass(frozen=True)
class Source:
    """A report ready to be decoded.

    Attributes:
        path: plain file or directory; a temporary copy when the original was compressed.
        file_name: the original's name without its compression suffix.
        sha256: of the plain bytes; of a directory, of the sorted names and hashes of its files.
        size_bytes: of the plain bytes.
    """

    path: Path
    file_name: str
    sha256: str
    size_bytes: int


@contextlib.contextmanager
def open_source(path: Path, no_part: Callable[[Path], bool] = lambda _: False) -> Iterator[Source]:
    """Unpack (if needed) and hash the report at `path`; the copy is removed on exit.

    Args:
        path: file or folder.
        no_part: whether a file in the folder is none of its parts, and not to be opened.

    Raises:
        ReportError: there is nothing at `path`, it cannot be read, or its compression is damaged.
    """
    if not path.exists():
        raise ReportError(f"{path}: no such file or directory", "Check the path.")
    try:
        if path.is_dir():
            yield _hash_directory(path, no_part)
            return
        if not path.is_file():
            # A pipe can be read once only, and a device may never end.
            raise ReportError(f"{path}: not a file", "Copy the report to a file first.")
        compression = _compression(path)
        if compression is None:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield Source(path, _valid(path.name), digest, path.stat().st_size)
            return
        file_name = without_suffix(_valid(path.name), _COMPRESSIONS[compression][1])
        with temporary.folder() as folder:
            plain = folder / file_name
            digest, size = _unpack(path, compression, plain)
            yield Source(plain, file_name, digest, size)
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
        head = file.read(8)
    return next((name for name, (magic, _) in _COMPRESSIONS.items() if head.startswith(magic)), None)


def without_suffix(name: str, suffixes: tuple[str, ...]) -> str:
    """`name` without the first of the suffixes that it ends in, whatever their case; never empty."""
    for suffix in suffixes:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def _valid(name: str) -> str:
    """A file name without bytes that are not UTF-8, which no database column can hold."""
    return os.fsencode(name).decode("utf-8", "replace")


def _unpack(path: Path, compression: str, target: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    try:
        with _open_compressed(path, compression) as packed, target.open("wb") as plain:
            while chunk := packed.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if size > MAX_UNPACKED_BYTES:
                    raise ReportError(
                        f"{path.name}: unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB",
                        "Unpack it yourself if it really is a report of that size.",
                    )
                plain.write(chunk)
    except EOFError as error:
        raise TruncatedReportError(
            f"{path.name}: the {compression} data ends too early", "Copy the file again."
        ) from error
    except (lzma.LZMAError, zlib.error, OSError) as error:
        # Only errors of the file system carry an errno; a codec's complaints about the data do not.
        if isinstance(error, OSError) and error.errno is not None:
            folder = target.parent
            raise ReportError(
                f"{path.name}: cannot be unpacked to {folder}: {error.strerror}",
                f"{shutil.disk_usage(folder).free:,} bytes are free there; TMPDIR selects another place.",
            ) from error
        raise ReportError(
            f"{path.name}: damaged {compression} data ({error})", "Copy the file again."
        ) from error
    return digest.hexdigest(), size


def _open_compressed(path: Path, compression: str) -> IO[bytes]:
    if compression == "xz":
        return cast("IO[bytes]", lzma.open(path))
    if compression == "gzip":
        import gzip

        return cast("IO[bytes]", gzip.open(path))
    import pyarrow as pa

    return cast("IO[bytes]", pa.CompressedInputStream(str(path), "zstd"))


def _hash_directory(path: Path, no_part: Callable[[Path], bool]) -> Source:
    digest = hashlib.sha256()
    size = 0
    for member in sorted(p for p in path.iterdir() if p.is_file() and not no_part(p)):
        with member.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(os.fsencode(member.name) + f"\0{content}\n".encode())
        size += member.stat().st_size
    return Source(path, _valid(path.name), digest.hexdigest(), size)
