"""The errors of this reader: each names the file, the byte, and a way out."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.errors import ReportError, TruncatedReportError, UnsupportedReportError
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Source:
    """The file that is being read, for error messages.

    Attributes:
        path: of the file.
        tool_version: of the profiler that wrote it, once known.
    """

    path: Path
    tool_version: str | None = None

    @property
    def remedy(self) -> str:
        """A command that lets NVIDIA's own tool decode the file."""
        name = str(self.path)
        export = re.sub(r"\.(nsys-rep|qdrep)$", "", name) + ".sqlite"
        command = f"nsys export --type sqlite --output {shlex.quote(export)} {shlex.quote(name)}"
        release = ".".join(self.tool_version.split(".")[:3]) if self.tool_version else None
        which = f"Nsight Systems {release}" if release else "the Nsight Systems that wrote it"
        return f"If the file is whole, {which} or a newer one can export it: {command}"

    def damaged(self, what: str, offset: int) -> ReportError:
        """The error for content that contradicts itself."""
        return ReportError(f"{self.path.name}: {what} (byte {offset})", self.remedy)

    def unsupported(self, what: str, offset: int) -> UnsupportedReportError:
        """The error for content that this reader does not know."""
        return UnsupportedReportError(f"{self.path.name}: {what} (byte {offset})", self.remedy)

    def truncated(self, what: str, offset: int) -> TruncatedReportError:
        """The error for a file that ends early."""
        return TruncatedReportError(
            f"{self.path.name}: the file is truncated: {what} (byte {offset})",
            "Copy the file again, all of it.",
        )


class Located:
    """Turns a `WireError` into an error that names the file and the byte."""

    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.offset = offset

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, WireError):
            raise self.source.damaged(error.what, self.offset + error.at) from error
