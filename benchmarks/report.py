"""How long does a report take, and how large is the page?

    python benchmarks/report.py REPORT [--runs 5]

Ingests a report into a database of its own, then times ``traceql report`` on it as a whole process, several
times; the best counts, because other work on the machine can only add time.

Goals on a trace with 62 k ranges, 707 k API calls and 278 k kernels (1 M events), two cores: at most 3 s,
and a page of at most 2 MB. The time of the processor is printed, too: other work on the machine adds less to
it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import traceql


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "benchmark.duckdb"
        page = Path(folder) / "report.html"
        with traceql.open(database) as db:
            stored = db.ingest(options.report, name="trace")
            events = sum(stored.rows.values())
        command = [sys.executable, "-m", "traceql", "report", "trace", "--db", database, "-o", page]
        seconds, processor = [], []
        for _ in range(options.runs):
            began, used = time.perf_counter(), _of_children()
            subprocess.run(command, check=True)
            seconds.append(time.perf_counter() - began)
            processor.append(_of_children() - used)
        print(f"{events:,} rows; page {page.stat().st_size / 1e6:.2f} MB")
        print(f"best {min(seconds):.2f} s of {', '.join(f'{s:.2f}' for s in seconds)}")
        print(f"processor: best {min(processor):.2f} s of {', '.join(f'{s:.2f}' for s in processor)}")


def _of_children() -> float:
    """Seconds of the processor that ended processes took."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()
