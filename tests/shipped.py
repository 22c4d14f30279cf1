"""What the repository ships for its tests, by name, and how they read an answer's notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from traceql.read.source import plain_name

if TYPE_CHECKING:
    from traceql.ask.answer import Answer

REPORTS = Path(__file__).parent / "fixtures" / "reports"
EXPECTED = Path(__file__).parent / "fixtures" / "expected"
TABLES = Path(__file__).parent / "fixtures" / "tables"
MODELS = Path(__file__).parent / "fixtures" / "models"
RESULTS = Path(__file__).parent.parent / "docs" / "results"

#: Rules of findings → parameters with which they tell of whatever is there.
EVERY_FINDING: dict[str, dict[str, float]] = {
    "cpu_bound_steps": {"launches": 0, "waits": 1000, "replays": 1000, "idle_pct": 0, "least_pct": 0},
    "doubts": {"placed_pct": 101},
    "small_kernels": {"short_ns": 2**62, "often": 1, "least_pct": 0},
    "stragglers": {"least_pct": 0},
    "uneven_steps": {"fewest": 1, "times": 0, "least_pct": 0},
}


def report_names(*suffixes: str) -> list[str]:
    """File names of the shipped reports with one of the suffixes (before compression)."""
    return sorted(p.name for p in REPORTS.iterdir() if plain_name(p.name).endswith(suffixes))


NCU_REPORTS = report_names(".ncu-rep", ".nsight-cuprof-report")
EXPORTS = report_names(".sqlite", "_pqtdir", "_arwdir")


def notes(answer: Answer) -> str:
    """What an answer has to be read with, a line each."""
    return "\n".join(note.text for note in answer.notes)
