"""NVIDIA's own decoder: runs an installed ``nsys export``.

For reports that the native reader refuses, and for anybody who wants the authority's word.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from traceql.errors import ReportError, UnsupportedReportError

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds that an export may take. The largest reports seen need minutes.
TIMEOUT_S = 3600
#: parquetdir exports exist from this version on.
_FIRST_WITH_PARQUET = (2023, 4)
_SAID_LINES = 5


def available() -> bool:
    """Whether an ``nsys`` is on the PATH."""
    return shutil.which("nsys") is not None


def export(path: Path, folder: Path, timeout_s: float = TIMEOUT_S) -> tuple[Path, str]:
    """Let nsys export the report at `path` into `folder`.

    Returns:
        The export (a parquetdir where this nsys can write one, else a SQLite file) and nsys's version.

    Raises:
        UnsupportedReportError: there is no nsys.
        ReportError: nsys fails or takes too long; the message ends with what it said.
    """
    if not available():
        raise UnsupportedReportError(
            f"{path.name}: no nsys on the PATH to export it with",
            "Install Nsight Systems, or leave --via nsys away: traceql reads most reports itself.",
        )
    version = _version(path)
    parquet = tuple(int(part) for part in version.split(".")[:2]) >= _FIRST_WITH_PARQUET
    target = folder / ("export_pqtdir" if parquet else "export.sqlite")
    command = ["nsys", "export", "--type", "parquetdir" if parquet else "sqlite"]
    # Absolute: a report may be called --quiet.
    command += ["--force-overwrite", "true", "--output", str(target.absolute()), str(path.absolute())]
    result = _run(command, path, timeout_s)
    if result.returncode or not target.exists():
        # Its progress bar goes the same way as its complaints: keep what stands on lines of its own.
        lines = [line for line in re.split(r"[\r\n]+", result.stderr + result.stdout) if line.strip()]
        said = "\n".join(line for line in lines if not re.search(r"\d+%", line)) or "nothing"
        raise ReportError(
            f"{path.name}: nsys export failed (status {result.returncode}). It said:\n"
            + "\n".join(said.splitlines()[-_SAID_LINES:]),
            f"This is Nsight Systems {version}; a report needs the version that wrote it or a newer one.",
        )
    return target, version


def _version(path: Path) -> str:
    said = _run(["nsys", "--version"], path, timeout_s=60).stdout
    match = re.search(r"version (\d+\.\d+[.\d]*)", said)
    if match is None:
        raise ReportError(
            f"{path.name}: the nsys on the PATH does not tell its version", f"It said: {said.strip()}"
        )
    return match[1]


def _run(command: list[str], path: Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReportError(
            f"{path.name}: nsys took longer than {timeout_s:,.0f} s",
            f"Run it yourself and ingest what it writes: {shlex.join(command)}",
        ) from error
