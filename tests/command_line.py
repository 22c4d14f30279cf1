"""The command line, run in this process: what it prints, and the status with which it would end.

A process of its own costs a second of imports. Tests start one where the process is the point: signals, pipes,
terminals, start-up, and what several of them do to one database.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from traceql.cli import main

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Not what the user of this machine happens to have set.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("TRACEQL_DB", "NO_COLOR")}


def traceql(
    *arguments: str | Path,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command as ``traceql ARGUMENTS`` would, with streams that are no terminal.

    Args:
        arguments: after the name of the program.
        stdin: what it reads.
        environment: all of its variables; by default those of this process, but for traceql's own.
        folder: where it runs.
    """
    words = ["traceql", *map(str, arguments)]
    out, err = _stream(), _stream()
    here, on_end = Path.cwd(), signal.getsignal(signal.SIGTERM)
    with (
        mock.patch.dict(os.environ, ENVIRONMENT if environment is None else environment, clear=True),
        mock.patch.multiple(sys, argv=words, stdin=_stream(stdin), stdout=out, stderr=err),
    ):
        os.chdir(folder or here)
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            os.chdir(here)
            signal.signal(signal.SIGTERM, on_end)
    return subprocess.CompletedProcess(words, status, _text(out), _text(err))


def process(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """As `traceql`, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "traceql", *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT if environment is None else {**environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _stream(text: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BytesIO(text.encode("utf-8", "surrogateescape")),
        encoding="utf-8",
        errors="surrogateescape",
        newline="",
    )


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode()
