"""Shells at a pseudo-terminal: what a completed line would run.

A ``traceql`` that stands first on the PATH completes as the real one does, and otherwise writes down its words.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import time
from pathlib import Path

import systems

#: Those of this machine, and how each starts without anybody's files.
STARTED = {
    "bash": ("bash", "--noprofile", "--norc", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "--interactive"),
}
SHELLS = tuple(name for name in STARTED if shutil.which(name))

_PREPARED = {"bash": "", "zsh": "autoload -Uz compinit; compinit -u -D\n", "fish": ""}
_PROGRAM = """#!/bin/sh
[ -n "$_TRACEQL_COMPLETE" ] && exec '{python}' -m traceql 2>/dev/null
printf '%s\\0' "$@" > '{folder}/words.new'
mv '{folder}/words.new' '{folder}/words'
"""
# A shell that is busy takes some; one that waits for the rest of a quote never answers.
_SECONDS = 30.0


class Shell:
    """A shell that waits for lines in a folder; `script` is what ``traceql completion`` prints for it."""

    def __init__(self, name: str, folder: Path, script: str) -> None:
        program = folder / "bin" / "traceql"
        program.parent.mkdir(exist_ok=True)
        program.write_text(_PROGRAM.format(python=sys.executable, folder=folder))
        program.chmod(0o755)
        (folder / "script").write_text(script)
        self._words = folder / "words"
        home = folder / "home"
        home.mkdir(exist_ok=True)
        environment = os.environ | {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_DATA_HOME": str(home),
            "TERM": "dumb",
        }
        systems.needs_posix("pseudo-terminals")
        import pty

        self.child, self._terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe(STARTED[name][0], STARTED[name], environment)
        self.ran(f"{_PREPARED[name]}source ./script; traceql ready")

    def ran(self, keys: str) -> list[str]:
        """The words that traceql gets when these keys and Return are pressed."""
        self._words.unlink(missing_ok=True)
        os.write(self._terminal, keys.encode() + b"\r")
        end = time.monotonic() + _SECONDS
        while not self._words.exists():
            if time.monotonic() > end:
                raise TimeoutError(keys)
            # What it draws is read, so that it can go on drawing.
            if select.select([self._terminal], [], [], 0.02)[0]:
                os.read(self._terminal, 1 << 16)
        return self._words.read_text().split("\0")[:-1]

    def close(self) -> None:
        """End it."""
        os.close(self._terminal)
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
