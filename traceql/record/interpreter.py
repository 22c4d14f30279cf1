"""Which Python runs a command: packages of another one would be another's versions."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*(?:\.exe)?$")
# Programs that start another, which their arguments name.
_STARTERS = frozenset(
    re.findall(
        r"[\w-]+",
        "env nice ionice numactl taskset timeout time stdbuf chrt setsid srun mpirun mpiexec xvfb-run",
    )
)
# Options of "uv run" that take a value.
_UV_VALUES = frozenset(
    re.findall(
        r"-[\w-]+",
        """
    --with --with-editable --with-requirements --extra --no-extra --group --only-group --no-group --env-file
    --package --project --directory --python -p --index --default-index --index-url --extra-index-url
    --find-links -f --config-file --cache-dir --refresh-package --upgrade-package -P --reinstall-package
    """,
    )
)
_HEAD_BYTES = 4096


def interpreter(command: Sequence[str], environment: Mapping[str, str]) -> list[str] | None:
    """The command of the Python that runs a program; None when none does, or nothing is known about it.

    Python itself, scripts by their first line (vllm, torchrun …), ``uv run``, and programs that start one of
    these (env, numactl, mpirun …).

    >>> interpreter(["/opt/venv/bin/python3", "-m", "package"], {})
    ['/opt/venv/bin/python3']
    >>> interpreter(["/bin/true"], {}) is None
    True
    """
    if not command:
        return None
    name = Path(command[0]).name
    if _PYTHON.match(name):
        return [command[0]]
    if name == "uv" and command[1:2] == ["run"]:
        return _of_uv(command)
    if name in _STARTERS:
        # The first of its words that is a Python or a script of one; "-n 4" and "A=1" are neither.
        found = (interpreter(command[place:], environment) for place in range(1, len(command)))
        return next((python for python in found if python), None)
    return _of_script(command[0], environment)


def _of_uv(command: Sequence[str]) -> list[str] | None:
    """``uv run OPTIONS python`` has the packages of ``uv run OPTIONS PROGRAM``."""
    place = 2
    while place < len(command) and command[place].startswith("-"):
        if command[place] in ("-s", "--script", "-m", "--module", "--"):
            break
        place += 2 if command[place] in _UV_VALUES else 1
    program = command[place] if place < len(command) else ""
    # A script that declares its own packages gets an environment that nobody else is given.
    if program in ("-s", "--script") or b"# /// script" in _head(program):
        return None
    return [*command[:place], "python"]


def _of_script(program: str, environment: Mapping[str, str]) -> list[str] | None:
    path = program if "/" in program else shutil.which(program, path=environment.get("PATH"))
    lines = _head(path).decode("utf-8", "replace").splitlines() if path else []
    if not lines or not lines[0].startswith("#!"):
        return None
    words = _words(lines[0][2:])
    if words and Path(words[0]).name == "sh" and len(lines) > 1:
        # Where the path of Python is too long for a first line, installers write: '''exec' /path/python "$0"
        words = _words(lines[1].removeprefix("'''exec'")) if lines[1].startswith("'''exec'") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    return words[:1] if words and _PYTHON.match(Path(words[0]).name) else None


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _head(path: str) -> bytes:
    try:
        # A pipe would be waited for.
        if not Path(path).is_file():
            return b""
        with Path(path).open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return b""
