"""What the pages of results say was not recorded, and the commands that would: they are taken as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from traceql.cli import cli

RESULTS = Path(__file__).parents[2] / "docs/results"
#: Pages of recordings; the others are of no recordings of their own.
PAGES = sorted(page.name for page in RESULTS.glob("*.md") if page.name not in ("README.md", "claims.md"))
# What a row may say in place of a command: that none would, or which one of this page does.
_NO_COMMAND = ("none", "the same", "the two above", "the commands at the head")


def rows_of(page: str) -> list[list[str]]:
    """What, why and command of each row of the section."""
    text = (RESULTS / page).read_text(encoding="utf-8")
    sections = re.findall(r"^## Not recorded\n\n(.*?)(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(sections) == 1, page
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in sections[0].split("\n") if line
    ]
    assert head == ["what", "why", "command that would"]
    return rows


def recorded_by(page: str) -> list[str]:
    """The commands of the blocks of bash, in which ``$name`` stands for what was set before."""
    text = (RESULTS / page).read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        values: dict[str, str] = {}
        for line in block.replace("\\\n", " ").splitlines():
            if set_ := re.fullmatch(r"(\w+)='(.*)'", line):
                values[set_[1]] = set_[2]
            elif line:
                for name, value in values.items():
                    line = line.replace(f'"${name}"', shlex.quote(value))
                found.append(line)
    return found


def commands_in(cell: str) -> list[str]:
    return [text for text in re.findall(r"`([^`]+)`", cell) if " " in text]


def asked(command: str) -> list[str]:
    """The arguments of traceql that a command of a page stands for: those of the collector in it, if it has one."""
    words = shlex.split(command)
    if "-m" in words:
        start = words.index("-m") + 1
        name = words[start].removeprefix("collectors.").replace("_", "-")
        return ["collect", name, *words[start + 1 :]]
    assert words[0] == "traceql", command
    return words[1:]


EVERY = [(page, text) for page in PAGES for *_, cell in rows_of(page) for text in commands_in(cell)]
HEADS = [(page, text) for page in PAGES for text in recorded_by(page)]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_names_what_was_not_recorded_why_and_what_would(page: str) -> None:
    for what, why, command in rows_of(page):
        assert what and why, page
        assert commands_in(command) or command.startswith(_NO_COMMAND), (page, what)


def test_there_are_commands_to_check() -> None:
    assert len(EVERY) > 45
    assert len(HEADS) > 30


@pytest.mark.parametrize(("page", "command"), [*EVERY, *HEADS])
def test_a_command_of_a_page_is_taken(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to where it would run: options, their values, and what does not go together."""
    monkeypatch.chdir(tmp_path)
    words = [word.replace("MODEL", "llama-3.1-8b") for word in asked(command)]
    if words[0] == "query":
        result = CliRunner().invoke(cli, ["query", words[1], "--help"])
    else:
        at = words.index("--") if "--" in words else len(words)
        result = CliRunner().invoke(cli, [*words[:at], "--dry-run", *words[at:]])
    assert result.exit_code == 0, (page, command, result.output)
    assert result.output.strip()
    assert not list(tmp_path.iterdir())
