"""How long does a report take, and how large is the page?

    python benchmarks/report.py REPORT [--runs 5]

Ingests a report into a database of its own, then times ``traceql report`` on it as a whole process, several
times; the best counts, because other work on the machine can only add time.

Goals on a trace with 62 k ranges, 707 k API calls and 278 k kernels (1 M events), two cores: less than 5 s,
and a page of less than 5 MB.
"""

from __future__ import annotations

import argparse
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
        seconds = []
        for _ in range(options.runs):
            began = time.perf_counter()
            subprocess.run(command, check=True)
            seconds.append(time.perf_counter() - began)
        print(f"{events:,} rows; page {page.stat().st_size / 1e6:.2f} MB")
        print(f"best {min(seconds):.2f} s of {', '.join(f'{s:.2f}' for s in seconds)}")


if __name__ == "__main__":
    main()
