"""Reports with a bit flipped: what a reader makes of each."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Run in a process of its own, so that a crash is seen and memory is that of the reader alone.
_READ_EACH = """
import importlib, re, sys, time
from pathlib import Path
from random import Random
from traceql.errors import ReportError
from traceql.read.base import no_progress

read = importlib.import_module(f"traceql.read.{sys.argv[1]}").read
good, flips, seed = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
content, random, broken = good.read_bytes(), Random(seed), good.with_name(f"flipped{good.suffix}")

def peak():
    status = Path("/proc/self/status")
    if not status.exists():
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # What getrusage tells on Linux begins with the peak of the process that started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])

def decode(path):
    started = time.perf_counter()
    try:
        read(path, wanted=None, progress=no_progress)
        refused = 0
    except ReportError:
        refused = 1
    return refused, time.perf_counter() - started

decode(good)
of_good, refusals, slowest = peak(), 0, 0.0
for _ in range(flips):
    flipped = bytearray(content)
    bit = random.randrange(8 * len(content))
    flipped[bit >> 3] ^= 1 << (bit & 7)
    broken.write_bytes(flipped)
    refused, seconds = decode(broken)
    refusals += refused
    slowest = max(slowest, seconds)
print(peak() / of_good, refusals, slowest)
"""


def read_each(reader: str, good: Path, flips: int) -> tuple[float, float, float]:
    """Read copies of a report, each with one bit flipped.

    Args:
        reader: package of `traceql.read`.
        good: the report.
        flips: copies; the bits are the same each time.

    Returns:
        Peak memory ÷ that of the good one, copies that were refused, seconds of the slowest.
    """
    command = [sys.executable, "-W", "error", "-c", _READ_EACH, reader, str(good), str(flips), "7"]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr
    memory, refusals, slowest = map(float, child.stdout.split())
    return memory, refusals, slowest
