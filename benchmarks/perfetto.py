"""How long does a file for Perfetto take, and how much memory?

    python benchmarks/perfetto.py REPORT [--slices 1000000] [--runs 3] [--compressed]

Ingests a report, puts copies of its events one behind the other until there are as many slices as asked
for, then times ``traceql export TRACE -o run.pftrace`` as a whole process, several times; the best counts,
because other work on the machine can only add time. Beside it stand the processor's time (user and system),
and how long a plain copy of the finished file takes. Peak memory is that of the process (ru_maxrss).

Goals for 1 M slices: at most 5 s and 300 MB.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import traceql

# Ids of a trace's rows; those of copies follow.
_IDS = (
    "kernel_id",
    "api_call_id",
    "range_id",
    "memory_op_id",
    "sync_id",
    "os_call_id",
    "parent_id",
    "ancestor_id",
    "graph_launch_id",
)
_TIMES = ("start_ns", "end_ns", "gpu_start_ns", "gpu_end_ns")
_TABLES = (
    "kernels",
    "api_calls",
    "memory_ops",
    "syncs",
    "graph_launches",
    "nvtx_ranges",
    "range_ancestors",
    "range_calls",
    "os_calls",
)
# On the thread and, of ranges, on the GPU.
_SLICES = ("kernels", "api_calls", "memory_ops", "syncs", "graph_launches", "nvtx_ranges", "os_calls")
# A process begins with the peak of the one that starts it: that must be a small one.
_SMALL = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
"""


def multiply(db: traceql.Database, copies: int) -> None:
    """Put copies of all events one behind the other."""
    apart = db.sql("SELECT trace_duration_ns AS apart FROM traces")["apart"][0]
    columns_of = {table: db.sql(f"FROM {table} LIMIT 0").columns for table in _TABLES}
    with db._store.writing("copies") as connection:
        for table, columns in columns_of.items():
            moved = [f"{name} + n * {1 << 24} AS {name}" for name in _IDS if name in columns]
            moved += [f"{name} + n * {apart} AS {name}" for name in _TIMES if name in columns]
            connection.execute(
                f"INSERT INTO {table} SELECT * EXCLUDE (n) REPLACE ({', '.join(moved)})"
                f" FROM {table}, range(1, {copies}) AS copy(n)"
            )
        connection.execute(f"UPDATE traces SET trace_duration_ns = {copies * apart}")


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds, seconds of a processor, and peak memory (MB) of a process."""
    result = subprocess.run(
        [sys.executable, "-c", _SMALL, *command], check=True, capture_output=True, text=True
    )
    wall, cpu, memory = map(float, result.stdout.split())
    return wall, cpu, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--slices", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--compressed", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database, file = Path(folder) / "benchmark.duckdb", Path(folder) / "run.pftrace"
        if options.compressed:
            file = file.with_suffix(".pftrace.gz")
        command = [sys.executable, "-m", "traceql", "export", "trace", "--db", str(database), "-o", str(file)]
        with traceql.open(database) as db:
            stored = db.ingest(options.report, name="trace")
            once = sum(stored.rows[table] for table in _SLICES) + stored.rows["nvtx_ranges"]
            multiply(db, max(1, -(-options.slices // once)))
        results = [measured(command) for _ in range(options.runs)]
        began = time.perf_counter()
        shutil.copyfile(file, Path(folder) / "copy")
        copied = time.perf_counter() - began
        seconds = [wall for wall, _, _ in results]
        print(f"best {min(seconds):.2f} s of {', '.join(f'{s:.2f}' for s in seconds)}")
        print(f"of a processor {min(cpu for _, cpu, _ in results):.2f} s")
        print(f"peak memory {max(memory for _, _, memory in results):.0f} MB")
        print(f"file {file.stat().st_size / 1e6:.0f} MB; a copy of it {copied:.2f} s")


if __name__ == "__main__":
    main()
