"""Report formats: one reader module per format, chosen by what the file holds, not by its name.

A new format is one module with a ``read`` function and one line in `READERS`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from traceql.errors import ReportError, UnknownFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.base import ReadFunction

#: Any of these tables makes a set of tables an nsys export.
TELLTALE_TABLES = (
    "StringIds",
    "NVTX_EVENTS",
    "CUPTI_ACTIVITY_KIND_KERNEL",
    "TARGET_INFO_SESSION_START_TIME",
)

#: Bytes of a file that `identify` needs to see.
HEAD_BYTES = 64


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        format: its name, as stored in ``traces.format``.
        kind: the profiler behind it, see `traceql.read.kinds`.
        module: the module with the ``read`` function, imported on first use.
        suffixes: file names that claim this format.
        magic: how a file of this format begins; empty for directories.
        member_suffix: for directories, the suffix of the files inside.
        divisible: True when ``read`` takes ``part=(i, n)`` and then returns the i-th of n parts, so that
            several processes can share one report.
        streams: True when ``read`` takes ``deliver`` and hands over large tables piece by piece.
    """

    format: str
    kind: str
    module: str
    suffixes: tuple[str, ...]
    magic: bytes = b""
    member_suffix: str = ""
    divisible: bool = False
    streams: bool = False

    @property
    def read(self) -> ReadFunction:
        """The reader's function."""
        return cast("ReadFunction", importlib.import_module(self.module).read)


READERS: tuple[Reader, ...] = (
    Reader(
        "ncu-rep",
        "ncu",
        "traceql.read.ncu_rep",
        (".ncu-rep", ".ncu-repz", ".nsight-cuprof-report"),
        magic=b"NVR\0",
    ),
    Reader(
        "nsys-rep",
        "nsys",
        "traceql.read.nsys_rep",
        (".nsys-rep", ".qdrep"),
        magic=b"NVIDIA Tegra Profiler Report",
        streams=True,
    ),
    Reader(
        "nsys-sqlite",
        "nsys",
        "traceql.read.nsys_export",
        (".sqlite", ".db"),
        magic=b"SQLite format 3\0",
    ),
    Reader("nsys-parquetdir", "nsys", "traceql.read.nsys_export", (), member_suffix=".parquet"),
    Reader("nsys-arrowdir", "nsys", "traceql.read.nsys_export", (), member_suffix=".arrow"),
)

#: Nsight Compute reports through NVIDIA's own library: what the native reader refuses, the authority's word.
NCU_REPORT = Reader(
    "ncu-rep through ncu_report",
    "ncu",
    "traceql.read.ncu_rep.library",
    suffixes=(),
    divisible=True,
)

NSYS_REP_OPTIONS = (
    "Collection options other than the CUDA graph trace mode are not known from an .nsys-rep file."
)
#: Warnings that every trace of a format has: to be said once, and after what is special to one.
ALWAYS_SAID = frozenset({NSYS_REP_OPTIONS})

# What nsys recorded, and could make no report of.
_NEVER_IMPORTED = (
    "an Nsight Systems capture that was never imported",
    "Where all of Nsight Systems of the same version is installed: host-linux-x64/QdstrmImporter -i FILE.",
)

# Not readers, but worth recognising: what a file that nobody reads is, and what to do about it.
_KNOWN_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, not the report itself",
        "Fetch the report with: git lfs pull",
    ),
    (b"QDSTRM", *_NEVER_IMPORTED),
    (b"PK\x03\x04", "a ZIP archive", "Unpack it and ingest the reports inside."),
)


def is_duckdb(head: bytes) -> bool:
    """Whether a file that begins like this is a DuckDB database: its magic follows an 8-byte checksum."""
    return head[8:12] == b"DUCK"


def database_given(name: str) -> ReportError:
    """The error for a database where something else was to be given."""
    return ReportError(f"{name}: this is a DuckDB database", "Open it with --db instead of ingesting it.")


def by_magic(head: bytes) -> Reader | None:
    """The reader of the file format that begins like this, or None."""
    return next((r for r in READERS if r.magic and head.startswith(r.magic)), None)


def claimed(file_name: str) -> Reader | None:
    """The reader that a file name claims by its suffix, or None."""
    lowered = file_name.lower()
    return next((r for r in READERS if r.suffixes and lowered.endswith(r.suffixes)), None)


def reader_for(path: Path, file_name: str | None = None) -> Reader:
    """Find the reader of the (uncompressed) file or directory at `path`.

    Args:
        path: what to look into.
        file_name: the name that the user knows it by, when `path` is an unpacked copy.

    Raises:
        ReportError: the content is no report, or not the one that the name claims.
    """
    name = file_name or path.name
    if path.is_dir():
        for reader in READERS:
            if reader.member_suffix and any(
                (path / f"{table}{reader.member_suffix}").exists() for table in TELLTALE_TABLES
            ):
                return reader
        raise UnknownFormatError(
            f"{name}: the directory is no nsys export (none of its .parquet or .arrow files)",
            "Give the report files themselves, or a directory written by nsys export.",
        )
    with path.open("rb") as file:
        return reader_of(file.read(HEAD_BYTES), name)


def reader_of(head: bytes, name: str) -> Reader:
    """Find the reader of a file that begins with `head` (`HEAD_BYTES` of them) and is called `name`.

    Raises:
        ReportError: the content is no report, or not the one that the name claims.
    """
    if not head:
        raise UnknownFormatError(f"{name}: the file is empty", "Copy or record the report again.")
    expected = claimed(name)
    found = by_magic(head)
    if found is None:
        if is_duckdb(head):
            raise database_given(name)
        for magic, what, remedy in _KNOWN_OTHERS:
            if head.startswith(magic):
                raise ReportError(f"{name}: this is {what}", remedy)
        if name.lower().endswith(".qdstrm"):
            what, remedy = _NEVER_IMPORTED
            raise ReportError(f"{name}: this is {what}", remedy)
        if expected is not None:
            raise UnknownFormatError(
                f"{name}: named like a report ({expected.format}), but its content is something else",
                "The file may be damaged: copy it again, or record it again.",
            )
        raise UnknownFormatError(f"{name}: not a report that traceql knows", known_formats())
    if expected is not None and expected is not found:
        raise ReportError(
            f"{name}: named like {expected.format}, but its content is {found.format}",
            f"Rename it to end in {found.suffixes[0]} if it is what you meant to ingest.",
        )
    return found


def known_formats() -> str:
    """One sentence that lists what can be read."""
    suffixes = [suffix for reader in READERS for suffix in reader.suffixes]
    return (
        f"Known: {', '.join(suffixes)}, parquetdir and arrowdir folders of nsys export, "
        "each also compressed with xz, zstd or gzip."
    )
