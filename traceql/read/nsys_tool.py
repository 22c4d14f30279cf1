"""NVIDIA's own decoder: runs an installed ``nsys export``.

For reports that the native reader refuses, and for anybody who wants the authority's word.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Final

from traceql.errors import LimitError, ReportError, UnsupportedReportError
from traceql.read.worker import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.worker import Stop

# In which nsys tells its version.
_VERSION_S: Final = 60
# Between two looks at what it has written.
_LOOK_S: Final = 0.2
#: parquetdir exports exist from this version on.
_FIRST_WITH_PARQUET = (2023, 4)
_SAID_LINES = 5


def available() -> bool:
    """Whether an ``nsys`` is on the PATH."""
    return shutil.which("nsys") is not None


def export(path: Path, folder: Path, idle_s: float, stop: Stop | None = None) -> tuple[Path, str]:
    """Let nsys export the report at `path` into `folder`.

    Args:
        path: the report.
        folder: for the export.
        idle_s: seconds without any progress after which it is ended.
        stop: ends it.

    Returns:
        The export (a parquetdir where this nsys can write one, else a SQLite file) and nsys's version.

    Raises:
        UnsupportedReportError: there is no nsys.
        ReportError: nsys fails; the message ends with what it said.
        LimitError: it stands still.
    """
    if not available():
        raise UnsupportedReportError(
            f"{path.name}: no nsys on the PATH to export it with",
            "Install Nsight Systems, or leave --via nsys away: traceql reads most reports itself.",
        )
    version = _version(path, stop)
    parquet = tuple(int(part) for part in version.split(".")[:2]) >= _FIRST_WITH_PARQUET
    target = folder / ("export_pqtdir" if parquet else "export.sqlite")
    command = ["nsys", "export", "--type", "parquetdir" if parquet else "sqlite"]
    # Absolute: a report may be called --quiet.
    command += ["--force-overwrite", "true", "--output", str(target.absolute()), str(path.absolute())]
    status, output = _run(command, path, idle_s, stop, target)
    if status or not target.exists():
        # Its progress bar goes the same way as its complaints: keep what stands on lines of its own.
        lines = [line for line in re.split(r"[\r\n]+", output) if line.strip()]
        said = "\n".join(line for line in lines if not re.search(r"\d+%", line)) or "nothing"
        raise ReportError(
            f"{path.name}: nsys export failed (status {status}). It said:\n"
            + "\n".join(said.splitlines()[-_SAID_LINES:]),
            f"This is Nsight Systems {version}; a report needs the version that wrote it or a newer one.",
        )
    return target, version


def _version(path: Path, stop: Stop | None) -> str:
    _, said = _run(["nsys", "--version"], path, _VERSION_S, stop)
    match = re.search(r"version (\d+\.\d+[.\d]*)", said)
    if match is None:
        raise ReportError(
            f"{path.name}: the nsys on the PATH does not tell its version", f"It said: {said.strip()}"
        )
    return match[1]


class _Family:
    """A program and all that it starts: nsys is a script that starts others."""

    def __init__(self, command: list[str], said: IO[bytes]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=os.name == "posix"
        )

    def kill(self) -> None:
        """End them, if the program still runs."""
        if self.process.poll() is None:
            if sys.platform == "win32":
                self.process.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)


def _run(
    command: list[str], path: Path, idle_s: float, stop: Stop | None, target: Path | None = None
) -> tuple[int, str]:
    """The exit status of a program, and what it said.

    Args:
        command: the program and its arguments.
        path: of the report, for messages.
        idle_s: seconds in which it says nothing and writes nothing, after which it is ended.
        stop: ends it.
        target: file or folder that it writes.
    """
    with tempfile.TemporaryFile() as said:
        family = _Family(command, said)
        try:
            if stop is not None:
                stop.hold([family])
            with Watch([family], idle_s) as guard:
                before = (0, 0)
                while True:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        family.process.wait(_LOOK_S)
                        break
                    if (now := (os.fstat(said.fileno()).st_size, _written(target))) != before:
                        before = now
                        guard.alive()
        finally:
            family.kill()
            status = family.process.wait()
        if guard.ended:
            raise LimitError(
                f"{path.name}: nsys made no progress for {idle_s:,.0f} s and was ended",
                f"Run it yourself and ingest what it writes: {shlex.join(command)}",
            )
        said.seek(0)
        return status, said.read().decode("utf-8", "replace")


def _written(target: Path | None) -> int:
    """Bytes that there are of a file, or of a folder's files."""
    if target is None:
        return 0
    with contextlib.suppress(OSError):
        files = target.iterdir() if target.is_dir() else [target]
        return sum(file.stat().st_size for file in files)
    return 0
