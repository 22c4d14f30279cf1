"""What does a comparison cost? Two traces that lie in a database, compared in whole and topic by topic.

    python benchmarks/diff.py                    two of the shipped timelines
    python benchmarks/diff.py BEFORE AFTER       any two reports of one profiler

Each line is the median of several runs with min and max, in turn, and its share of the whole comparison. The
last lines are whole processes: `traceql diff` beside one that starts and does nothing.

Goal: two traces of 280 k kernels and 707 k API calls each in less than 1 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import traceql
from traceql.ask.compare import compare
from traceql.store import ingest

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql import Database

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures" / "reports"
SHIPPED = (FIXTURES / "scv_baseline_off.nsys-rep.xz", FIXTURES / "scv_nwor_off.nsys-rep.xz")
TOPICS = ("trace", "kernel", "range", "api_call", "copy", "launch")


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def process(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "traceql", *arguments], check=True, capture_output=True)


def actions(database: Database, path: Path, names: list[str]) -> dict[str, Callable[[], object]]:
    """What is timed: label → action."""
    sides = {"baseline": [names[0]], "variant": [names[1]]}

    def topic(name: str) -> Callable[[], object]:
        return lambda: database.ask("diff", **sides, topic=name).table

    return {
        "compare(), whole": lambda: compare(database, [names[0]], [names[1]]),
        "  query comparable": lambda: database.ask("comparable", **sides).table,
        **{f"  query diff, {name}": topic(name) for name in TOPICS},
        "traceql diff, process": lambda: process("diff", *names, "--db", str(path)),
        "traceql --version, process": lambda: process("--version"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", nargs="*", type=Path, metavar="REPORT")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (after one that is not)")
    options = parser.parse_args()
    reports = options.reports or list(SHIPPED)
    if len(reports) != 2:
        parser.error("name two reports, or none")
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.duckdb"
        with traceql.open(path) as database:
            names = [database.ingest(report).name for report in reports]
            for name in names:
                rows = ingest.rows(database._store, name)
                print(f"{name}: {rows['kernels']:,} kernels, {rows['api_calls']:,} API calls")
            found = compare(database, [names[0]], [names[1]])
            print(f"{found.changed().height} of {found.differences.height} measures differ")
            timed = actions(database, path, names)
            times: dict[str, list[float]] = {label: [] for label in timed}
            for run in range(options.runs + 1):
                for label, action in timed.items():
                    spent = seconds(action)
                    if run:
                        times[label].append(spent)
    whole = statistics.median(times["compare(), whole"])
    for label, runs in times.items():
        median = statistics.median(runs)
        spread = f"({min(runs):.3f} to {max(runs):.3f})"
        print(f"{label:<28} {median:7.3f} s  {spread}  {median / whole:6.2f} of whole")


if __name__ == "__main__":
    main()
