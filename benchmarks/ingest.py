"""How long the command line takes, and how much memory: whole processes, measured side by side.

    python benchmarks/ingest.py                      the shipped reports
    python benchmarks/ingest.py REPORT…              any others: .ncu-rep files, exports, folders

For an .ncu-rep, a bare loop over ncu_report (names and values of all metrics, nothing stored) runs in turn
with `traceql ingest` and with traceql's reader alone (all tables, nothing stored), and the ratios of the
pairs are printed: of the seconds that pass, and of the CPU's. Figures are medians; the noise of the machine
shows in min and max.
"""

from __future__ import annotations

import argparse
import lzma
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures" / "reports"
SHIPPED = (
    "scv_nwor_off.ncu-rep.xz",
    "jax_gb200_2025.3_graph_nodes.ncu-rep.xz",
    "llama_eager.sqlite.xz",
    "scv_baseline_graph_pqtdir",
)

# Each prints the CPU seconds behind its imports; the reader has its memory as in the process that decodes.
BARE_LOOP = """
import sys, time, ncu_report
began = time.process_time()
for in_range in ncu_report.load_report(sys.argv[1]):
    for action in in_range:
        for name in action.metric_names():
            action.metric_by_name(name).value()
print(time.process_time() - began)
"""
READER = """
import os, sys, time
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
from pathlib import Path
from traceql.read.base import no_progress
from traceql.read.ncu_rep import read
began = time.process_time()
read(Path(sys.argv[1]), wanted=None, progress=no_progress)
print(time.process_time() - began)
"""


def cpu_seconds(code: str, report: Path) -> float:
    """What a Python program of its own says that it took."""
    command = [sys.executable, "-c", code, str(report)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(command: list[str]) -> tuple[float, float]:
    """Wall seconds, and peak memory in MB of the largest process: the command or one of its children."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{errors.decode()}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def line(label: str, runs: list[tuple[float, float]], extra: str = "") -> None:
    seconds = [run[0] for run in runs]
    memory = max(run[1] for run in runs)
    print(
        f"{label:<44} {statistics.median(seconds):7.3f} s  ({min(seconds):.3f} to {max(seconds):.3f})"
        f"  {memory:6.0f} MB{extra}"
    )


def ingest(report: Path, database: Path) -> list[str]:
    database.unlink(missing_ok=True)
    return [sys.executable, "-m", "traceql", "ingest", "--quiet", "--db", str(database), str(report)]


def rows(database: Path) -> int:
    import traceql

    with traceql.open(database) as db:
        return int(db.tables()["rows"].sum())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (after one that is not)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = folder / "traces.duckdb"
        reports = options.reports or [FIXTURES / report for report in SHIPPED]
        measure(ingest(FIXTURES / "scv_baseline_vectorized.ncu-rep.xz", database))
        for label, command in (
            ("python -c pass", [sys.executable, "-c", "pass"]),
            ("traceql --help", [sys.executable, "-m", "traceql", "--help"]),
            (
                'traceql sql "select 1"',
                [sys.executable, "-m", "traceql", "sql", "select 1", "--db", str(database)],
            ),
        ):
            line(label, [measure(command) for _ in range(options.runs + 1)][1:])
        for report in reports:
            bare = None
            if ".ncu-rep" in report.name:
                bare = folder / "bare.ncu-rep"
                opener = lzma.open if report.suffix == ".xz" else open
                with opener(report, "rb") as packed:
                    bare.write_bytes(packed.read())
            ours, theirs, reader, loop = [], [], [], []
            for _ in range(options.runs + 1):
                ours.append(measure(ingest(bare or report, database)))
                if bare is not None:
                    theirs.append(measure([sys.executable, "-c", BARE_LOOP, str(bare)]))
                    reader.append(cpu_seconds(READER, bare))
                    loop.append(cpu_seconds(BARE_LOOP, bare))
            count = rows(database)
            median = statistics.median(run[0] for run in ours[1:])
            line(f"ingest {report.name}", ours[1:], f"  {count:,} rows, {count / median:,.0f} rows/s")
            if theirs:
                ratio = statistics.median(b[0] / o[0] for o, b in zip(ours[1:], theirs[1:], strict=True))
                line("  bare ncu_report loop", theirs[1:], f"  ratio of speeds {ratio:.2f}")
                ratio = statistics.median(b / o for o, b in zip(reader[1:], loop[1:], strict=True))
                print(
                    f"  CPU of traceql's reader {statistics.median(reader[1:]):.3f} s, of the bare loop "
                    f"{statistics.median(loop[1:]):.3f} s  ratio {ratio:.1f}"
                )


if __name__ == "__main__":
    main()
