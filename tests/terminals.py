"""What the program writes to a terminal: a pseudo-terminal of 80 columns and 24 lines."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import systems
from command_line import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

_LINES, _COLUMNS = 24, 80


def on_a_terminal(folder: Path, *arguments: str, columns: int = _COLUMNS, **environment: str) -> str:
    """What a user sees of ``traceql ARGUMENTS``, run in a folder.

    Args:
        folder: where it runs.
        arguments: behind the name of the program.
        columns: how wide the terminal is.
        environment: variables beside those of every test.
    """
    systems.needs_posix("pseudo-terminals")
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "traceql", *arguments],
        cwd=folder, stdin=follower, stdout=follower, stderr=follower,
        env=ENVIRONMENT | {"TERM": "xterm-256color"} | environment,
    )  # fmt: skip
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 65536):
            seen += chunk
    except OSError:
        # The other side of a pseudo-terminal closes with EIO.
        pass
    os.close(leader)
    process.wait()
    return seen.decode()
