"""Which module writes which format again, and what is an error of the report rather than of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.errors import ReportError
from traceql.read import formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from traceql.read.base import Progress
    from traceql.share.redact.names import Names
    from traceql.share.redact.removed import Removed

    Write = Callable[[Path, Path, Names, Removed, Progress], None]


def write(
    source: Path, file_name: str, target: Path, names: Names, removed: Removed, progress: Progress
) -> None:
    """Write a report or an export again, in this process.

    Args:
        source: the file or folder, not compressed.
        file_name: what it is called.
        target: a new file or folder.
        names: what stands for names.
        removed: where it is counted what went.
        progress: is told that it goes on.

    Raises:
        OSError: it cannot be written.
        ReportError: it cannot be read.
        UnsupportedReportError: it holds something that is not known.
    """
    try:
        _writer(source, file_name)(source, target, names, removed, progress)
    except RecursionError:
        raise ReportError(
            f"{source.name}: damaged (messages within messages, too deep)", "Copy the file again."
        ) from None


def _writer(path: Path, name: str) -> Write:
    format_ = formats.reader_for(path, name).format
    if format_ == "ncu-rep":
        from traceql.share.redact import ncu_rep

        return ncu_rep.write
    if format_ == "nsys-rep":
        from traceql.share.redact import nsys_rep

        return nsys_rep.write
    from traceql.share.redact import exports

    return exports.write
