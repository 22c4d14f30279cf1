"""Pages that show commands and what they print: both run, and the output is put below each command."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from command_line import traceql

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

#: A block of commands, each behind ``$``, with what they print; its content is group 1.
BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
# A command may go on in lines that end with a backslash.
_COMMAND = re.compile(r"^\$ (?:.*\\\n)*.*\n", re.MULTILINE)


def block(content: str, folder: Path, *, most_lines: int | None = None) -> str:
    """The block with what its commands print in that folder, of each so many lines at most."""
    shown = []
    for command in _COMMAND.findall(content):
        words = command.removeprefix("$ ")
        assert words.startswith("traceql "), command
        # No shell but the quoting: commands are for any of them.
        printed = run(shlex.split(words.replace("\\\n", " "))[1:], folder).stdout
        shown.append(command + "".join(f"{line}\n" for line in lines(printed, most_lines)))
    return "```console\n" + "".join(shown) + "```"


def run(arguments: list[str], folder: Path, *, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command, which has to work."""
    result = traceql(*arguments, folder=folder, stdin=stdin)
    # A verdict may be bad, but is one.
    judges = arguments[0] == "check" or "--gate" in arguments
    if result.returncode not in ((0, 3, 4) if judges else (0,)):
        raise RuntimeError(f"{shlex.join(arguments)}\n{result.stderr}")
    return result


def lines(printed: str, most: int | None) -> list[str]:
    """The lines of what was printed, the first ones and … where they are more."""
    found = [line.rstrip() for line in printed.rstrip().splitlines()]
    return found if most is None or len(found) <= most else [*found[:most], "…"]
