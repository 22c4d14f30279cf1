"""What the README shows works as shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import traceql
from made.nsys import Recording, kernel
from shipped import REPORTS

from traceql import Database

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def in_this_environment(command: str) -> str:
    """The command with this interpreter in place of the one that it would install."""
    _, _, rest = command.partition("&& .venv/bin/traceql")
    return f".venv/bin/traceql{rest}".replace(".venv/bin/traceql", f"{sys.executable} -m traceql")


def test_the_first_command_answers_the_dram_question_as_printed(tmp_path: Path) -> None:
    (tmp_path / "tests" / "fixtures").mkdir(parents=True)
    (tmp_path / "tests" / "fixtures" / "reports").symlink_to(REPORTS)
    command = in_this_environment(blocks("bash")[0])
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    (printed,) = blocks("text")
    assert words(result.stdout)[:4] == words(printed)


def words(table: str) -> list[list[str]]:
    """Cells of a printed table, without the rule below its head."""
    return [line.split() for line in table.splitlines() if "─" not in line]


def test_continuous_integration_runs_the_readmes_check() -> None:
    assert "./check --all" in blocks("bash")[1]
    assert "./check --all" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds that the README names, and nothing else."""
    folder = tmp_path_factory.mktemp("clone")
    for name in (
        "tests/fixtures/reports",
        "tests/fixtures/tables",
        "tests/fixtures/models",
        "docs",
        "queries",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_every_command_shown_works_in_the_order_of_the_page(clone: Path) -> None:
    first = in_this_environment(blocks("bash")[0])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(["bash", "-c", first], cwd=clone, env=environment, capture_output=True, check=True)
    shown = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert len(shown) > 8
    for line in shown:
        words = shlex.split(line)
        assert words[0] == "traceql"
        result = traceql(*words[1:], folder=clone)
        assert result.returncode == 0, f"{line}\n{result.stderr}"
        # A reader who follows the page gets answers.
        assert "No rows" not in result.stderr, f"{line}\n{result.stderr}"
        assert result.stdout or "-o" in words or words[1] in ("ingest", "tag", "import-runs", "export"), line


def test_the_python_example_runs(tmp_path: Path) -> None:
    (tmp_path / "tests" / "fixtures").mkdir(parents=True)
    (tmp_path / "tests" / "fixtures" / "reports").symlink_to(REPORTS)
    (code,) = blocks("python")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "copied_bytes" in result.stdout


def test_every_format_is_listed() -> None:
    from traceql.read.formats import READERS

    for reader in READERS:
        for suffix in reader.suffixes or (reader.format.removeprefix("nsys-"),):
            if suffix != ".db":
                assert suffix in README


def test_the_question_that_contributors_are_shown_is_one(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^   ```sql\n(.*?)^   ```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "longest_kernels.sql").write_text(re.sub("^   ", "", shown, flags=re.MULTILINE))
    with Database(":memory:", queries=tmp_path) as database:
        recording = Recording().call(
            "cudaLaunchKernel", 0, 10, kernel("short", 10, 12), kernel("long", 20, 50)
        )
        recording.store(database, "run")
        answer = database.ask("longest_kernels", limit=1)
        assert answer.table.to_pylist() == [
            {"trace": "run", "kernel": "long", "kernel_id": 2**32 + 2, "duration_ns": 30}
        ]
        assert answer.total_rows == 2
        assert answer.chart().to_dict()["title"]["text"] == "Which kernel executions took longest?"
