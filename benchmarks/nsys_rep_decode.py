"""How fast, and in how much memory, the native reader decodes .nsys-rep files.

::

    python benchmarks/nsys_rep_decode.py                    a fixture, with its events 4, 40 and 400 times
    python benchmarks/nsys_rep_decode.py run.nsys-rep …     the reports named

Each report is decoded in a process of its own: once for the first time, as a user meets it, then twice more.
Seconds are those of `read`, without starting Python; memory is the peak of the whole process.
"""

from __future__ import annotations

import argparse
import json
import lzma
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from traceql.read import protobuf
from traceql.read.nsys_rep import read
from traceql.read.nsys_rep.container import open_container

FIXTURE = Path(__file__).parent.parent / "tests" / "fixtures" / "reports" / "llama_eager.nsys-rep.xz"
REPETITIONS = (4, 40, 400)

DEVICE = ("start", "end", "deviceId", "contextId", "streamId", "correlationId", "globalPid")
#: What it takes to attribute GPU work to API calls and NVTX ranges.
WANTED = {
    "CUPTI_ACTIVITY_KIND_KERNEL": (
        *DEVICE,
        "demangledName",
        "shortName",
        "graphNodeId",
        *("gridX", "gridY", "gridZ", "blockX", "blockY", "blockZ"),
        *("registersPerThread", "staticSharedMemory", "dynamicSharedMemory"),
    ),
    "CUPTI_ACTIVITY_KIND_RUNTIME": (
        *("start", "end", "eventClass", "globalTid", "correlationId", "nameId", "returnValue"),
    ),
    "CUPTI_ACTIVITY_KIND_MEMCPY": (*DEVICE, "bytes", "copyKind"),
    "CUPTI_ACTIVITY_KIND_MEMSET": (*DEVICE, "bytes"),
    "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION": (*DEVICE, "syncType"),
    "NVTX_EVENTS": (
        *("start", "end", "eventType", "rangeId", "category", "text", "textId", "globalTid", "endGlobalTid"),
        *("domainId", "int64Value", "uint64Value"),
    ),
    "StringIds": ("id", "value"),
    "PROCESSES": ("globalPid", "name"),
    "ThreadNames": ("nameId", "globalTid"),
}


def repeated(report: bytes, times: int) -> bytes:
    """The report with its event blocks `times` times, and every count and offset put right.

    The diagnostics are events too, so what the profiler says that it counted grows with the events.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "original.nsys-rep"
        path.write_bytes(report)
        container = open_container(path)
    contents_at = struct.unpack("<Q", report[-16:-8])[0]
    entries = [
        protobuf.message(entry) for _, _, entry in protobuf.fields(report, contents_at, len(report) - 16)
    ]
    out = bytearray(report[: min(protobuf.number(entry, 2) or 0 for entry in entries)])
    contents = b""
    for entry in entries:
        name, start, size = (
            protobuf.text(entry, 1),
            protobuf.number(entry, 2) or 0,
            protobuf.number(entry, 3) or 0,
        )
        content = report[start : start + size]
        if name == "Raw Sampling Data":
            first = container.blocks[0]
            last = container.blocks[-1]
            # A block begins with its two sizes.
            blocks_at = first.offset - len(varint(first.compressed)) - len(varint(first.size)) - start
            blocks_end = last.offset + last.compressed - start
            content, grown = with_blocks(content, blocks_at, blocks_end, times)
        elif name == "Sampling Data Offsets":
            offsets = protobuf.message(content)
            content = b"".join(
                field(number, value + grown if isinstance(value, int) else value)
                for number, values in sorted(offsets.items())
                for value in values
            )
        contents += field(1, field(1, (name or "").encode()) + field(2, len(out)) + field(3, len(content)))
        out += content
    contents_at = len(out)
    return bytes(out) + contents + struct.pack("<Q", contents_at) + report[-8:]


def with_blocks(section: bytes, blocks_at: int, blocks_end: int, times: int) -> tuple[bytes, int]:
    """The raw section with its blocks repeated, and by how much the string table moved."""
    size, at = protobuf.varint(section, 8, len(section))
    index_at = at + size
    size, at = protobuf.varint(section, index_at, len(section))
    index = b"".join(
        field(number, value * times if number == 1 and isinstance(value, int) else value)
        for number, _, value in protobuf.fields(section, at, at + size)
    )
    front = section[:index_at] + varint(len(index)) + index
    blocks = section[blocks_at:blocks_end]
    grown = len(front) - blocks_at + len(blocks) * (times - 1)
    return front + blocks * times + section[blocks_end:], grown


def varint(value: int) -> bytes:
    """Protobuf's variable-length number."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def measure(path: Path) -> dict[str, float]:
    """Decode the report at `path` three times in this process."""
    seconds = []
    events = 0

    def count(done: int, _total: int | None) -> None:
        nonlocal events
        events = done

    for _ in range(3):
        started = time.perf_counter()
        read(path, wanted=WANTED, progress=count)
        seconds.append(time.perf_counter() - started)
    # In KiB on Linux, in bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"events": events, "first": seconds[0], "best": min(seconds), "peak": peak}


def table_row(label: str, size: int, path: Path) -> None:
    """Measure in a fresh process and print a line."""
    command = [sys.executable, __file__, "--measure", str(path)]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(child.stdout)
    first, best = result["events"] / result["first"] / 1e6, result["events"] / result["best"] / 1e6
    print(
        f"{label:32} {size / 1e6:8.1f} {result['events']:10,.0f} {result['first']:8.3f} {result['best']:8.3f}"
        f" {first:8.2f} {best:8.2f} {result['peak'] / 1e6:8.0f}"
    )


def main() -> None:
    """Print one line for each report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    titles = ("MB", "events", "first s", "best s", "M/s", "best M/s", "peak MB")
    print(f"{'report':32}", *(f"{title:>{10 if title == 'events' else 8}}" for title in titles))
    for report in arguments.reports:
        table_row(report.name, report.stat().st_size, report)
    if arguments.reports:
        return
    original = lzma.decompress(FIXTURE.read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        for times in REPETITIONS:
            path = Path(folder) / f"{times}.nsys-rep"
            path.write_bytes(repeated(original, times))
            table_row(f"{FIXTURE.stem.partition('.')[0]} x {times}", path.stat().st_size, path)


if __name__ == "__main__":
    main()
