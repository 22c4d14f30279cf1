"""What the README shows works as shown."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import traceql
from made.nsys import Recording, kernel
from shipped import MODELS, REPORTS, TABLES

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


def test_every_command_shown_works(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    ncu = [
        f"{name}.ncu-rep.xz" for name in ("scv_baseline_off", "llama_roofline", "kinds_source", "kinds_pm")
    ]
    for name in (*ncu, "llama_eager.sqlite.xz"):
        shutil.copy(REPORTS / name, tmp_path / "results")
    shutil.copy(REPORTS / "scv_baseline_vectorized.ncu-rep.xz", tmp_path / "run.ncu-rep")
    for name, shown_as in (
        ("baseline", "before"),
        ("nwor", "after"),
        ("baseline", "timeline"),
        ("baseline", "counters"),
    ):
        for form in ("ncu-rep", "nsys-rep"):
            shutil.copy(REPORTS / f"scv_{name}_vectorized.{form}.xz", tmp_path / f"{shown_as}.{form}")
    (tmp_path / "question.sql").write_text("FROM traces")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    for name in ("decode_sweep.csv", "prefill_sweep.csv"):
        shutil.copy(TABLES / name, tmp_path)
    for name in ("small_baseline_t0.7", "small_nwor_t0.7", "four_modes_latency"):
        shutil.copy(TABLES / f"{name}.json", tmp_path)
    shutil.copy(TABLES / "vllm_latency.json", tmp_path / "latency.json")
    shutil.copy(MODELS / "llama-3.1-8b.json", tmp_path / "config.json")
    shown = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert len(shown) > 8
    for line in shown:
        words = shlex.split(line)
        assert words[0] == "traceql"
        result = traceql(*words[1:], folder=tmp_path)
        assert result.returncode == 0, f"{line}\n{result.stderr}"


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
