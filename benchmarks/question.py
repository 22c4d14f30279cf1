"""What does a short question cost as a process? Beside `import duckdb`, and beside another checkout.

::

    python benchmarks/question.py traces.duckdb                           the questions below
    python benchmarks/question.py traces.duckdb --beside ../main          and those of that checkout
    python benchmarks/question.py traces.duckdb "query top-kernels" ls    these commands

Each is run in turn with the others. Printed are CPU seconds (user and system) of whole processes, the least
of all runs and the median: other work on the machine makes both larger, the least one less so.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent.parent
COMMANDS = ("query top-kernels", "query top-kernels --format csv", "query api-summary", "ls")


def cpu_s(*command: str, folder: Path) -> float:
    """CPU seconds of a process that must end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The folder of the checkout comes first on the path of ``python -m``.
    subprocess.run(
        command, cwd=folder, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(folder)}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("database", type=Path)
    parser.add_argument("commands", nargs="*", default=COMMANDS)
    parser.add_argument("--beside", type=Path, help="another checkout")
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    database = str(given.database.resolve())
    folders = {"here": HERE} | ({"beside": given.beside.resolve()} if given.beside else {})
    runs = {"import duckdb": ((sys.executable, "-c", "import duckdb"), HERE)}
    for command in given.commands:
        words = (sys.executable, "-m", "traceql", *shlex.split(command), "--db", database)
        runs |= {f"traceql {command}, {name}": (words, folder) for name, folder in folders.items()}
    found: dict[str, list[float]] = {label: [] for label in runs}
    for number in range(given.runs + 1):
        for label, (words, folder) in runs.items():
            took = cpu_s(*words, folder=folder)
            # The first one compiles modules.
            if number:
                found[label].append(took)
    for label, seconds in found.items():
        print(f"{label:<48} {min(seconds):6.3f} s, median {statistics.median(seconds):.3f} s")


if __name__ == "__main__":
    main()
