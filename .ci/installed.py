"""Builds wheel and source archive, installs them as users do, and runs the README's commands without a clone.

    python .ci/installed.py [WAY…]

Each way gets an environment of its own under a temporary folder; what it takes in seconds and MB is printed.
Needs the package index, and hatchling, uv and pipx in the environment that it is run in.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
# What the README's commands name of a clone. The package is not among it.
NAMED = ("docs", "queries", "tests/fixtures/models", "tests/fixtures/reports", "tests/fixtures/tables")


def main(asked: list[str]) -> None:
    """Try the ways that are asked for, or all."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run(sys.executable, "-m", "hatchling", "build", "-d", str(folder / "dist"), place=ROOT)
        (wheel,) = (folder / "dist").glob("*.whl")
        (source,) = (folder / "dist").glob("*.tar.gz")
        for name in asked or WAYS:
            home = folder / re.sub(r"\W+", "-", name)
            home.mkdir()
            began = time.monotonic()
            programs = WAYS[name](source if "source" in name else wheel, home)
            took = time.monotonic() - began
            size = sum(file.lstat().st_size for file in home.rglob("*") if not file.is_dir())
            commands = ask(programs, home)
            print(f"{name}: {took:.0f} s, {size / 1e6:.0f} MB, {commands} commands of the README", flush=True)
            shutil.rmtree(home)


def pip(package: Path, home: Path) -> Path:
    """`python -m venv` and `pip install`."""
    venv.create(home / "venv", with_pip=True)
    programs = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(str(programs / "python"), "-m", "pip", "install", "--quiet", str(package), place=home)
    return programs


def uv_tool(package: Path, home: Path) -> Path:
    """`uv tool install`, and what `uvx` makes of the same package."""
    programs = home / "bin"
    environment = {"UV_TOOL_DIR": str(home / "tools"), "UV_TOOL_BIN_DIR": str(programs)}
    run("uv", "tool", "install", "--quiet", str(package), place=home, **environment)
    run("uvx", "--quiet", "--from", str(package), "traceql", "--version", place=home, **environment)
    return programs


def pipx(package: Path, home: Path) -> Path:
    """`pipx install`."""
    programs = home / "bin"
    environment = {"PIPX_HOME": str(home / "pipx"), "PIPX_BIN_DIR": str(programs)}
    run("pipx", "install", "--quiet", str(package), place=home, **environment)
    return programs


WAYS: dict[str, Callable[[Path, Path], Path]] = {
    "pip, wheel": pip,
    "pip, source archive": pip,
    "uv tool, wheel": uv_tool,
    "pipx, wheel": pipx,
}


def ask(programs: Path, home: Path) -> int:
    """Run the README's commands with the installed program, where what they name lies; their number."""
    place = home / "place"
    for name in NAMED:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).symlink_to(ROOT / name)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    commands = [
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line[:2] == "$ "
    ]
    if not commands:
        raise SystemExit("The README shows no command.")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        run("bash", "-c", command, place=place, PATH=path, XDG_CACHE_HOME=str(home / "cache"))
    return len(commands)


def run(*command: str, place: Path, **environment: str) -> None:
    """Run a command; what it prints is told if it fails."""
    # What is tried must not be the clone that this file lies in.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        command,
        cwd=place,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ended.stdout}")


if __name__ == "__main__":
    main(sys.argv[1:])
