"""README and the guides, with what their commands print: ``python tests/guide_pages.py [GUIDE…]`` writes the outputs again.

The README begins with an empty folder in which only what it names of a clone lies. Each guide goes on from there: from the
database that the README leaves. Commands with an output have the one that they print, of which a line ``…`` at the end
leaves out the rest; those without keep none. Guides whose reports differ have tests of their own, beside what they are about.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import consoles

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_GUIDES = (
    "formats",
    "asking",
    "comparing",
    "counters",
    "charts",
    "predicting",
    "sweeps",
    "python",
    "concepts",
)
GUIDES = [ROOT / "docs" / f"{name}.md" for name in _GUIDES]
_DATABASE = "traces.duckdb"

# A command and the output below it.
_STEP = re.compile(r"^\$ (?P<command>.*)\n(?P<shown>(?:[^$].*\n|\n)*)", re.MULTILINE)
_REST = "…\n"
# What these do is seen in the database, not on standard output.
_SILENT = ("ingest", "tag", "import-runs", "export")


def blocks(page: Path, language: str) -> list[str]:
    """The code of a page in a language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def clone(folder: Path) -> Path:
    """What a clone holds that the pages name, and nothing else."""
    for name in ("reports", "tables", "models"):
        (folder / "tests" / "fixtures").mkdir(parents=True, exist_ok=True)
        (folder / "tests" / "fixtures" / name).symlink_to(ROOT / "tests" / "fixtures" / name)
    for name in ("docs", "queries"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def first_answer(folder: Path) -> str:
    """What the first command of the README prints, with this interpreter in place of the one that it would install."""
    _, _, rest = blocks(README, "bash")[0].partition("&& .venv/bin/traceql")
    command = f".venv/bin/traceql{rest}".replace(".venv/bin/traceql", f"{sys.executable} -m traceql")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def readme_made(folder: Path) -> str:
    """The README as its commands make it in a clone; the database is left there."""
    shown = first_answer(folder).splitlines()[: blocks(README, "text")[0].count("\n")]
    began = "".join(f"{line.rstrip()}\n" for line in shown)
    text = re.sub(
        r"^```text\n.*?^```",
        lambda _: f"```text\n{began}```",
        _text(README),
        count=1,
        flags=re.DOTALL | re.MULTILINE,
    )
    return _remade(text, folder)


def guide_made(page: Path, readme: Path, folder: Path) -> str:
    """A guide as its commands make it, in a folder with the database that the README's commands left in theirs."""
    shutil.copyfile(readme / _DATABASE, clone(folder) / _DATABASE)
    return _remade(_text(page), folder)


def _remade(text: str, folder: Path) -> str:
    def run(step: re.Match[str]) -> str:
        return f"$ {step['command']}\n{_printed(step['command'], step['shown'], folder)}"

    return consoles.BLOCK.sub(lambda block: f"```console\n{_STEP.sub(run, block[1])}```", text)


def _printed(command: str, shown: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    assert program == "traceql", command
    result = consoles.run(arguments, folder)
    # A reader who follows the page gets answers.
    assert "No rows" not in result.stderr, f"{command}\n{result.stderr}"
    assert result.stdout or "-o" in arguments or arguments[0] in _SILENT, command
    most = shown.count("\n") - 1 if shown.endswith(_REST) and shown != _REST else None
    return "".join(f"{line}\n" for line in consoles.lines(result.stdout, most)) if shown else ""


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _main() -> None:
    with tempfile.TemporaryDirectory() as begun:
        README.write_text(readme_made(clone(Path(begun))), encoding="utf-8")
        for page in GUIDES:
            if sys.argv[1:] and page.stem not in sys.argv[1:]:
                continue
            with tempfile.TemporaryDirectory() as folder:
                page.write_text(guide_made(page, Path(begun), Path(folder)), encoding="utf-8")
            print(page.name)


if __name__ == "__main__":
    _main()
