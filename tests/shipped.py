"""What the repository ships for its tests, by name, and how they read an answer's notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceql.read.source import plain_name

if TYPE_CHECKING:
    from traceql.ask.answer import Answer

REPORTS = Path(__file__).parent / "fixtures" / "reports"
EXPECTED = Path(__file__).parent / "fixtures" / "expected"
TABLES = Path(__file__).parent / "fixtures" / "tables"
MODELS = Path(__file__).parent / "fixtures" / "models"
RESULTS = Path(__file__).parent.parent / "docs" / "results"

# Of the traces that are made by hand, and of their steps.
_TRACES, _STEPS = (
    ("one", "two", "whole", "middle", "second"),
    (
        "step",
        "step a",
        "step b",
        "request",
        "execute_context_1(16)_generation_2(2)",
    ),
)

#: Rules of findings → parameters with which they tell of whatever is there.
EVERY_FINDING: dict[str, dict[str, Any]] = {
    "above_the_floor": {
        "gemm_floors_ns": {f"{trace}\n{text}": "0.5" for trace in _TRACES for text in _STEPS},
        "times": 0,
        "least_pct": 0,
    },
    "cpu_bound_steps": {"launches": 0, "waits": 1000, "replays": 1000, "idle_pct": 0, "least_pct": 0},
    "cuda_core_products": {"least_pct": 0},
    "doubts": {"placed_pct": 101},
    "idle_tensor_cores": {"tensor_pct": 101, "fma_pct": 0, "least_pct": 0},
    "slowing_kernels": {"slower_pct": 0, "steady_pct": 0, "short_ns": 0, "least_pct": 0},
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
