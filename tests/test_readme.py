"""What the README and the guides show works as shown."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import guide_pages
import pytest
from guide_pages import GUIDES, README, ROOT, blocks
from made.nsys import Recording, kernel
from results_pages import texts_of

from traceql import Database
from traceql.read.formats import READERS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

TEXT = README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The README as its commands make it, and the folder in which they ran."""
    folder = guide_pages.clone(tmp_path_factory.mktemp("clone"))
    return guide_pages.readme_made(folder), folder


def test_every_command_works_in_the_order_of_the_page_and_prints_what_is_shown(
    readme: tuple[str, Path],
) -> None:
    assert readme[0] == TEXT


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_goes_on_from_there_and_shows_what_its_commands_print(
    page: Path, readme: tuple[str, Path], tmp_path: Path
) -> None:
    assert guide_pages.guide_made(page, readme[1], tmp_path) == page.read_text(encoding="utf-8")


def test_the_page_is_short_and_shows_one_picture_one_answer_and_one_finding() -> None:
    assert len(TEXT.encode()) <= 18_000
    assert TEXT.count("![") == len(blocks(README, "text")) == TEXT.count("\n1. ") == 1


def test_the_picture_is_what_its_command_draws(readme: tuple[str, Path]) -> None:
    drawn, shown = (texts_of(folder / "roofline.svg") for folder in (readme[1], ROOT / "docs"))
    assert drawn == shown != []


def test_continuous_integration_runs_the_readmes_check() -> None:
    assert "./check --all" in blocks(README, "bash")[-1]
    assert "./check --all" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "python.md"], ids=lambda page: page.stem)
def test_the_python_examples_run(page: Path, readme: tuple[str, Path]) -> None:
    (code,) = blocks(page, "python")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=readme[1], capture_output=True, text=True, check=True
    )
    assert "copied_bytes" in result.stdout


def test_every_format_is_listed() -> None:
    formats = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    for reader in READERS:
        for suffix in reader.suffixes or (reader.format.removeprefix("nsys-"),):
            if suffix != ".db":
                assert suffix in TEXT
                assert suffix in formats


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
