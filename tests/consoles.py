"""What pages show as typed and printed: their console blocks, run from top to bottom.

A line that begins with ``$`` is a command, which may go on in lines that end with a backslash; the lines below it
are its output. Where these end in a line ``…``, the output goes on.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

# `traceql ingest` imports pyarrow without it, which is for good in a process that goes on with other commands.
import numpy as np  # noqa: F401
from command_line import traceql

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*\n)((?:[^$].*\n|\n)*)", re.MULTILINE)
_GOES_ON = "…\n"
# Verdicts may be bad, but are verdicts.
_JUDGE = ("check", "diff")


def remade(text: str, folder: Path, *, everything: bool = False) -> str:
    """The page with the outputs that its commands have in a folder: of those with one, or of all."""

    def run_block(block: re.Match[str]) -> str:
        return (
            "```console\n"
            + "".join(_run(command, shown, folder, everything) for command, shown in _steps(block[1]))
            + "```"
        )

    return _BLOCK.sub(run_block, text)


def commands(text: str) -> list[str]:
    """Every command of a page."""
    return [command for block in _BLOCK.findall(text) for command, _ in _steps(block)]


def _steps(block: str) -> Iterator[tuple[str, str]]:
    for found in _COMMAND.finditer(block):
        yield found[1], found[2]


def _run(command: str, shown: str, folder: Path, everything: bool) -> str:
    result = run(command, folder)
    printed = [f"{line.rstrip()}\n" for line in result.stdout.splitlines()]
    if shown.endswith(_GOES_ON):
        kept = shown.count("\n") - 1
        printed = [*printed[: kept or None], *([_GOES_ON] if kept and kept < len(printed) else [])]
    elif not (shown or everything):
        printed = []
    return f"$ {command}{''.join(printed)}"


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a command says in a folder, if it says something."""
    program, *arguments = shlex.split(command.replace("\\\n", " "))
    # No shell but the quoting: commands are for any of them.
    assert program == "traceql", command
    result = traceql(*arguments, folder=folder)
    allowed = (0, 3, 4) if arguments[0] in _JUDGE else (0,)
    assert result.returncode in allowed, f"{command}{result.stderr}"
    # A reader who follows the page gets answers.
    assert "No rows" not in result.stderr, f"{command}{result.stderr}"
    silent = ("ingest", "tag", "import-runs", "export")
    assert result.stdout or "-o" in arguments or arguments[0] in silent, command
    return result


def texts_of(picture: Path) -> list[str]:
    """What is written in an SVG; where a text stands depends on the fonts of the machine."""
    return re.findall(r">([^<>]+)</(?:text|tspan)>", picture.read_text(encoding="utf-8"))
