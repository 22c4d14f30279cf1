"""How a report is called: as asked for, with the profilers' placeholders, or after what runs and when."""

from __future__ import annotations

import itertools
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from traceql.errors import CollectError
from traceql.record.tools import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql.record.tools import Tool

# The place of a process among those that a launcher started: torchrun, Open MPI, Slurm, MPICH, MVAPICH, PALS,
# Flux.
_RANKS = (
    "RANK",
    "OMPI_COMM_WORLD_RANK",
    "SLURM_PROCID",
    "PMIX_RANK",
    "PMI_RANK",
    "MV2_COMM_WORLD_RANK",
    "PALS_RANKID",
    "FLUX_TASK_RANK",
)
_PLACEHOLDER = re.compile(r"%(?:(?P<sign>[%hpin])|q\{(?P<variable>\w+)\})")
# Of a program's name; host names and dates come after it, and a file's name has 255 bytes.
_MAX_CHARACTERS = 80


def names(
    given: Path | None, command: Sequence[str], tool: Tool, environment: Mapping[str, str]
) -> Iterator[Path]:
    """The names that a report may have, without suffix; the first that is free is taken.

    Args:
        given: as asked for, with or without suffix; None for a name after the program, the time and, of a
            launcher's ranks, rank, host and process. ``%q{NAME}`` is a variable's value, ``%h`` the host,
            ``%p`` the process that records, ``%i`` (or ``%n``) the lowest free number, ``%%`` a percent sign.
        command: what is recorded.
        tool: the profiler.
        environment: of the command.

    Raises:
        CollectError: a variable is not set, or nothing is left of the name.
    """
    if given is None:
        stem = _default(command, environment)
        yield Path(stem)
        yield from (Path(f"{stem}_{number}") for number in itertools.count(2))
    text = os.fspath(given or "")
    numbered = any(found["sign"] in ("i", "n") for found in _PLACEHOLDER.finditer(text))
    for number in itertools.count(1) if numbered else (1,):
        path = Path(_expanded(text, environment, number))
        name = path.name.removesuffix(SUFFIXES[tool])
        if not name or name in (".", ".."):
            raise CollectError(f"--output {text!r} names no file", "Name the report: -o run.")
        yield path.with_name(name)


def _expanded(text: str, environment: Mapping[str, str], number: int) -> str:
    signs = {"%": "%", "h": platform.node(), "p": str(os.getpid()), "i": str(number), "n": str(number)}

    def value(found: re.Match[str]) -> str:
        name = found["variable"]
        if name is None:
            return signs[found["sign"]]
        if name not in environment:
            raise CollectError(f"--output: {name} is not set", f"Hand it on: --env {name}, or name the file.")
        # A part of a name, not a folder.
        return environment[name].replace("/", "_")

    return _PLACEHOLDER.sub(value, text)


def _default(command: Sequence[str], environment: Mapping[str, str]) -> str:
    # "python -m package.module", "python script.py" and "./program" are named after what they run.
    program = next((word for word in command[1:] if not word.startswith("-")), command[0])
    name = program if re.match(r"python[\d.]*$", Path(command[0]).name) else command[0]
    stem = re.sub(r"\W+", "_", Path(name).name.removesuffix(".py"), flags=re.ASCII)[:_MAX_CHARACTERS] or "run"
    parts = [stem, f"{datetime.now(UTC):%Y%m%d_%H%M%S}"]
    rank = next((environment[name] for name in _RANKS if name in environment), None)
    if rank is not None:
        host = platform.node().partition(".")[0]
        parts += [f"rank{rank}", host, str(os.getpid())]
    return "_".join(re.sub(r"[^\w.-]+", "_", part) for part in parts)
