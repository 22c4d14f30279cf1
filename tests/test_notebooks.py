"""The notebooks of the docs run from their first cell to the last, and come to the conclusion that their data has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "docs" / "notebooks"
JUPYTER = NOTEBOOKS / "timeline.ipynb"
MARIMO = NOTEBOOKS / "counters.py"

# In a process of its own, whose kernel is another one.
_EXECUTE = """
import json, sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
NotebookClient(notebook, timeout=120, resources={"metadata": {"path": sys.argv[2]}}).execute()
print(json.dumps([cell.get("outputs", []) for cell in notebook.cells]))
"""


def run(*command: str | Path, folder: Path) -> str:
    """What a program of this interpreter prints; it keeps its settings in that folder."""
    settings = {
        name: str(folder)
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "IPYTHONDIR")
    }
    environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """What each cell of the notebook for Jupyter shows."""
    printed = run("-c", _EXECUTE, JUPYTER, NOTEBOOKS, folder=tmp_path_factory.mktemp("jupyter"))
    found: list[list[dict[str, Any]]] = json.loads(printed.splitlines()[-1])
    return found


def shown(outputs: list[list[dict[str, Any]]], cell: str, kind: str) -> str:
    ids = [one["id"] for one in json.loads(JUPYTER.read_text(encoding="utf-8"))["cells"]]
    (output,) = outputs[ids.index(cell)]
    return "".join(output["data"][kind] if "data" in output else output["text"])


@pytest.mark.long
def test_the_notebook_for_jupyter_shows_findings_answers_a_comparison_and_a_chart(
    outputs: list[list[dict[str, Any]]],
) -> None:
    assert "442 launches each, without CUDA graphs" in shown(outputs, "why", "text/html")
    assert "What did each GPU spend its time with" in shown(outputs, "busy", "text/html")
    assert "What differs between llama_eager and llama_graph?" in shown(outputs, "compare", "text/html")
    picture = shown(outputs, "categories", "image/svg+xml")
    assert picture.startswith("<svg") and "gemm" in picture
    # Nothing is loaded from elsewhere.
    assert not re.findall(r"https?://(?!www\.w3\.org/)", json.dumps(outputs))


@pytest.mark.long
def test_the_notebook_for_jupyter_comes_to_its_conclusion(outputs: list[list[dict[str, Any]]]) -> None:
    """Spans and busy times of the fifteen steps as `step_summary` has them: 75 of 270 ms, 16.84 and 6.63 ms."""
    assert shown(outputs, "conclusion", "text/plain").splitlines() == [
        "Eager, the GPU is idle for 72 % of a decoding step, with 442 launches.",
        "With CUDA graphs a step is 2.5 times as fast; the work on the GPU is the same.",
    ]


def test_the_notebook_for_jupyter_keeps_nothing_of_where_it_was_written() -> None:
    written = json.loads(JUPYTER.read_text(encoding="utf-8"))
    assert written["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in written["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None
    ids = [cell["id"] for cell in written["cells"]]
    assert len(ids) == len(set(ids))


CONCLUSION = (
    "Of the time of the model's kernels 77 % is near a peak, and 11 % is held back by memory. NWOR writes 47 % fewer "
    "bytes to DRAM in the ranges that write, for 42 % fewer rows."
)


@pytest.mark.long
def test_the_notebook_for_marimo_comes_to_its_conclusion_as_a_program(tmp_path: Path) -> None:
    """The shares are those that the note of `speed_of_light` says; 240 of 576 rows; 28.4 of 60.4 MB."""
    assert run(MARIMO, folder=tmp_path).splitlines() == [CONCLUSION]


@pytest.mark.long
def test_the_notebook_for_marimo_is_exported_with_all_that_it_shows(tmp_path: Path) -> None:
    page = tmp_path / "counters.html"
    run("-m", "marimo", "--quiet", "export", "html", MARIMO, "-o", page, folder=tmp_path)
    content = page.read_text(encoding="utf-8")
    assert CONCLUSION in content.replace("&#x27;", "'").replace("&#39;", "'").replace("\\u0027", "'")
    assert "How close does each kernel come to what the GPU can do" in content
    assert "application/vnd.marimo+error" not in content


@pytest.mark.long
def test_marimo_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    run("-m", "marimo", "check", "--strict", MARIMO, folder=tmp_path)
