"""Reports whose wire format is wrong in one place or many: each is read or refused, within its budget.

``python tests/robust/wire_fuzz.py --cases 2000`` prints, for both readers, how many there were of each kind of
damage, how many were read and refused, and what the dearest took. The same seed makes the same cases.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

import ncu_rep_file as ncu
import nsys_rep_file as nsys

from traceql.errors import ReportError
from traceql.read import formats
from traceql.read.base import no_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a case may take: bytes beyond what the process has, of them for each byte of the file; seconds.
BYTES, BYTES_PER_BYTE, SECONDS = 200_000_000, 64, 10

_NUMBERS = (0, 1, 127, 128, 1 << 14, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)


# --- ways to be wrong: bytes → bytes ---------------------------------------------------------------------


def _flipped(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice([1, 2, 8])):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _extreme(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice([0, 1, 0x7F, 0x80, 0xFF])]) + data[at + 1 :]


def _number(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + nsys.varint(rng.choice(_NUMBERS)) + data[at + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice([1, 4, len(data)]) :]


def _repeated(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    part = data[at : at + rng.choice([1, 2, 3, 8, 64])]
    return data[:at] + part * rng.choice([2, 300, 20_000]) + data[at:]


def _unknown(data: bytes, rng: random.Random) -> bytes:
    number = rng.choice([19, 33, 200, 1999, 5000])
    value: int | bytes = rng.choice([1, 1 << 63, b"", b"x" * 40])
    return data + nsys.field(number, value) * rng.choice([1, 300, 50_000])


def _varied(data: bytes, rng: random.Random) -> bytes:
    number = rng.choice([19, 33, 200])
    return data + b"".join(nsys.field(number, rng.getrandbits(20)) for _ in range(rng.choice([3, 3_000])))


def _nested(data: bytes, rng: random.Random) -> bytes:
    number, inner = rng.choice([1, 2, 3, 7, 17, 21, 102]), data
    for _ in range(rng.choice([1, 20, 2_000])):
        inner = nsys.field(number, inner)
    return inner


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "flipped bits": _flipped,
    "an extreme byte": _extreme,
    "a huge number": _number,
    "bytes cut out": _cut,
    "a part repeated": _repeated,
    "an unknown field repeated": _unknown,
    "unknown fields that differ": _varied,
    "nested again and again": _nested,
}

# --- where: damage → a file ------------------------------------------------------------------------------


def _nsys(wrong: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    events = [
        nsys.process(nsys.PID, "python"),
        *(nsys.nvtx_range(10 * i, 10 * i + 9, f"range {i}") for i in range(80)),
        *(nsys.api_call(10 * i, 10 * i + 5, correlation=i) for i in range(80)),
        nsys.diagnostic("all is well"),
    ]
    place = rng.choice(["event", "block", "lengths", "threads", "schemas", "index", "section", "file"])
    if place == "event":
        at = rng.randrange(len(events))
        events[at] = wrong(events[at])
    if place == "block":
        content = wrong(b"".join(nsys.field(1, one) for one in events))
        return nsys.report(raw_blocks=[nsys.block(content)], index={1: len(events)})
    if place == "lengths":
        return nsys.report(raw_blocks=[wrong(nsys.events_block(events))], index={1: len(events)})
    if place == "threads":
        thread = nsys.message((1, nsys.TID), (2, 0))
        return nsys.report(events, threads=wrong(nsys.field(1, thread)), index={5: 1})
    if place == "schemas":
        entry = nsys.message((1, 5), (2, 0), (3, 0), (7, "size"))
        schema = nsys.message((1, 9), (2, 1), (4, entry), (5, "payload"), (6, 8), (9, 1))
        return nsys.report(events, schemas=wrong(nsys.field(3, nsys.field(2, schema))))
    if place == "index":
        number = rng.choice([1, 3, 5])
        return nsys.report(events, index={number: rng.choice(_NUMBERS)})
    if place == "section":
        return nsys.report(events, extra_sections={"Time Conversion Data": wrong(nsys.message((1, b"\n\0")))})
    report = nsys.report(events)
    return wrong(report) if place == "file" else report


def _ncu(wrong: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    names = ["gpu__time_duration.sum", "dram__bytes.sum", "launch__grid_size"]
    metrics = [ncu.metric(number, ncu.value(float(number))) for number in range(len(names))]
    ranges = [ncu.message((1, "outer")), ncu.message((1, "inner"))]
    stack = ncu.message((1, 0), *((3, one) for one in ranges))
    state = ncu.message((1, ncu.message((1, 0), (2, "app"))), (2, ncu.message((1, ncu.THREAD), (2, stack))))
    place = rng.choice(["metric", "value", "state", "section", "rule", "result", "block", "counts", "file"])
    if place == "metric":
        metrics[1] = wrong(metrics[1])
    if place == "value":
        metrics[1] = ncu.metric(1, wrong(ncu.value("a text of some length")))
    section = ncu.message((1, "SpeedOfLight"), (5, ncu.message((1, "dram__bytes.sum"), (2, "DRAM"))))
    rule = ncu.message((1, "Rule"), (3, ncu.message((1, ncu.message((1, ncu.message((1, "Slow"))))))))
    result = ncu.kernel(
        *((13, one) for one in metrics),
        (17, wrong(section) if place == "section" else section),
        (19, wrong(rule) if place == "rule" else rule),
        (21, wrong(state) if place == "state" else state),
    )
    results = [wrong(result) if place == "result" else result, result]
    counts = {rng.choice([1, 2, 7, 8, 9]): rng.choice(_NUMBERS)} if place == "counts" else None
    block = ncu.block(results, strings=names, counts=counts)
    if place == "block":
        header, payload = (
            block[4 : 4 + int.from_bytes(block[:4], "little")],
            b"".join(map(ncu.sized, results)),
        )
        block = ncu.sized(wrong(header)) + payload
    report = ncu.report(block)
    return wrong(report) if place == "file" else report


MAKERS = {"nsys-rep": _nsys, "ncu-rep": _ncu}


def cases(seed: int, count: int) -> Iterator[tuple[str, str, bytes]]:
    """(format, damage, file) of each case."""
    rng = random.Random(seed)
    for number in range(count):
        form = list(MAKERS)[number % len(MAKERS)]
        name = rng.choice(list(DAMAGE))
        damage = DAMAGE[name]
        yield form, name, MAKERS[form](lambda data, damage=damage: damage(data, rng) if data else data, rng)


# --- what comes of it ------------------------------------------------------------------------------------


def reader_of(form: str) -> formats.Reader:
    """The reader of a format."""
    return next(reader for reader in formats.READERS if reader.format == form)


def _read(form: str, path: Path) -> int:
    """In a forked process: 0 read, 1 refused, 2 anything else."""
    try:
        reader_of(form).read(path, wanted=None, progress=no_progress)
    except ReportError:
        return 1
    except BaseException:  # noqa: BLE001 - which is the finding
        sys.excepthook(*sys.exc_info())
        return 2
    return 0


def outcome(form: str, path: Path) -> tuple[str, float, float]:
    """What a reader makes of a file, in a process of its own: the end, seconds, bytes beyond what it begins with."""
    import resource

    began = time.perf_counter()
    said, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        with Path("/proc/self/statm").open(encoding="utf-8") as file:
            sizes = [int(pages) * resource.getpagesize() for pages in file.read().split()]
        resident, has = sizes[1], sizes[5]
        os.write(says, str(resident).encode())
        most = has + BYTES + BYTES_PER_BYTE * path.stat().st_size
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        signal.alarm(SECONDS)
        os._exit(_read(form, path))
    _, status, used = os.wait4(pid, 0)
    seconds, grown = time.perf_counter() - began, 1024.0 * used.ru_maxrss - int(os.read(said, 32))
    os.close(said)
    os.close(says)
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}", seconds, grown
    return {0: "read", 1: "refused"}.get(os.WEXITSTATUS(status), "failed"), seconds, grown


def main() -> None:
    """Run cases and print what came of them; the exit status is 1 if one was neither read nor refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder that takes the files that were neither")
    options = parser.parse_args()
    ends: dict[tuple[str, str], Counter[str]] = {}
    slowest = largest = 0.0
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case"
        # What every case needs is imported before the first one, by reading a report of which nothing is wrong.
        for form, maker in MAKERS.items():
            path.write_bytes(maker(bytes, random.Random(0)))
            reader_of(form).read(path, wanted=None, progress=no_progress)
        for number, (form, damage, data) in enumerate(cases(options.seed, options.cases)):
            path.write_bytes(data)
            end, seconds, grown = outcome(form, path)
            ends.setdefault((form, damage), Counter())[end] += 1
            slowest, largest = max(slowest, seconds), max(largest, grown)
            if end not in ("read", "refused"):
                bad += 1
                print(f"case {number}: {form}, {damage}, {len(data):,} bytes: {end}")
                if options.keep:
                    (options.keep / f"{options.seed}-{number}.{form}").write_bytes(data)
    for (form, damage), counts in sorted(ends.items()):
        print(f"{form:9} {damage:27} " + ", ".join(f"{n} {end}" for end, n in sorted(counts.items())))
    print(f"{options.cases} cases, {bad} bad; slowest {slowest:.2f} s, largest {largest / 1e6:.0f} MB")
    sys.exit(bad > 0)


if __name__ == "__main__":
    os.environ |= {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    main()
