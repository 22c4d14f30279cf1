"""How fast reports come into a lake by one process and by several, and what answers over many traces cost.

    python benchmarks/lake.py [--reports 200] [--workers 4] [--traces 1,10,100,1000] [--folder FOLDER]

Each report is a copy of a small export that differs in a number of its header. Reports per second are of
whole commands. The lake of so many traces is made of one trace's files under other numbers. An answer's time
is that of a process that has answered it once; its files are those that DuckDB says it has read, but for the
traces' own.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import traceql

REPORT = Path(__file__).parent.parent / "tests" / "fixtures" / "reports" / "graph_whole.sqlite.xz"
ASKED = {
    "calls of all traces": "SELECT name, count(*), sum(duration_ns) FROM api_calls GROUP BY ALL",
    "calls of one trace": "SELECT name, count(*), sum(duration_ns) FROM api_calls "
    "JOIN traces USING (trace_id) WHERE trace = 'rank0' GROUP BY ALL",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--traces", default="1,10,100,1000")
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        reports = copies(folder / "reports", options.reports)
        _ingested(folder, reports, options.workers)
        for number in map(int, options.traces.split(",")):
            _asked(folder, number)


def copies(folder: Path, number: int) -> list[Path]:
    """Reports of one content, each of which is another one to a database."""
    folder.mkdir()
    content = lzma.decompress(REPORT.read_bytes())
    made = [folder / f"rank{count}.sqlite" for count in range(number)]
    for count, copy in enumerate(made, 1):
        copy.write_bytes(content)
        connection = sqlite3.connect(copy)
        connection.execute(f"PRAGMA user_version = {count}")
        connection.commit()
        connection.close()
    return made


def _ingested(folder: Path, reports: list[Path], workers: int) -> None:
    rates = {}
    for processes in (1, workers):
        lake = folder / f"by{processes}"
        command = [sys.executable, "-m", "traceql", "ingest", "-q", "--lake", "--db", str(lake)]
        command += ["--scheduler", f"local:{processes}", str(folder / "reports")]
        began = time.perf_counter()
        subprocess.run(command, check=True)
        rates[processes] = len(reports) / (time.perf_counter() - began)
        print(f"{len(reports)} reports by {processes} processes: {rates[processes]:.2f} per second")
    print(f"ratio: {rates[workers] / rates[1]:.2f}")
    rows = (
        "SELECT trace, count(*), sum(duration_ns) FROM api_calls JOIN traces USING (trace_id) "
        "GROUP BY ALL ORDER BY ALL"
    )
    with traceql.open(folder / "by1") as one, traceql.open(folder / f"by{workers}") as many:
        print(f"equal: {one.sql(rows).equals(many.sql(rows))}, {one.sql(rows).height} traces")


def grown(lake: Path, number: int) -> None:
    """Let a lake of one trace have so many, of the same rows."""
    (entry,) = (lake / "traces").iterdir()
    said = json.loads(entry.read_text(encoding="utf-8"))
    for trace_id in range(2, number + 1):
        for table in said["rows"]:
            shutil.copytree(lake / table / "trace_id=1", lake / table / f"trace_id={trace_id}")
        trace = said["trace"] | {
            "trace_id": trace_id,
            "trace": f"rank{trace_id - 1}",
            "sha256": f"{trace_id:064x}",
        }
        text = json.dumps(said | {"trace": trace})
        (lake / "traces" / f"{trace_id:064x}.json").write_text(text, encoding="utf-8")


def _asked(folder: Path, number: int) -> None:
    lake = folder / f"of{number}"
    with traceql.open(lake, lake=True) as made:
        made.ingest(copies(folder / f"for{number}", 1)[0], name="rank0")
    grown(lake, number)
    began = time.perf_counter()
    with traceql.open(lake) as opened:
        opened.sql("SELECT count(*) FROM traces")
        print(f"{number} traces: opened in {time.perf_counter() - began:.3f} s")
        for what, statement in ASKED.items():
            opened.sql(statement)
            began = time.perf_counter()
            opened.sql(statement)
            seconds = time.perf_counter() - began
            plan = opened.sql(f"EXPLAIN ANALYZE {statement}")["explain_value"].item()
            read = sum(map(int, re.findall(r"Total Files Read: (\d+)", plan))) - plan.count("traces.parquet")
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(f"  {what}: {seconds:.3f} s, {read} files, {memory / 1024:.0f} MiB at most so far")


if __name__ == "__main__":
    main()
