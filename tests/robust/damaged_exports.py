"""Damaged exports: is each refused, or read as what is in the file? As long as wanted.

``python tests/robust/damaged_exports.py [--cases N] [--seed S]`` damages so many files of each form (SQLite, Parquet,
Arrow), other ones for each seed: flipped bits, offsets and lengths beyond the file, parts cut, moved and zeroed. Each is
read in a process of its own. It prints how many were refused and read, how often the library crashed or was refused
memory, the slowest and the largest. The exit status is 1 if one was read as what is not in the file, took too long or too much, or was
refused by accident (an error that is none of traceql's).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from traceql.errors import ReportError
from traceql.read import nsys_export
from traceql.read.base import no_progress

FORMS = ("sqlite", "parquet", "arrow")
#: Addresses that a process may take beside what it has when it starts (Arrow reserves a GiB at once), and how long
#: it may run.
MEMORY_BYTES = 4 << 30
SECONDS = 20

_COUNT = 40
_TEXTS = [f"text {n} \N{GREEK SMALL LETTER MU}s" * (1 + n % 3) for n in range(_COUNT)]
_TABLES = {
    "StringIds": {"id": range(_COUNT), "value": _TEXTS},
    "NVTX_EVENTS": {
        "start": [10**9 + 17 * n for n in range(_COUNT)],
        "end": [None if n % 5 == 0 else 10**9 + 17 * n + 9 for n in range(_COUNT)],
        "eventType": [59] * _COUNT,
        "text": [None if n % 2 else text for n, text in enumerate(_TEXTS)],
    },
}
_TYPES = {"id": pa.int64(), "eventType": pa.int32(), "value": pa.large_string(), "text": pa.large_string()}


def write(folder: Path, form: str) -> Path:
    """A small export of a form; its path."""
    path = folder / {"sqlite": "made.sqlite", "parquet": "made_pqtdir", "arrow": "made_arwdir"}[form]
    if form == "sqlite":
        connection = sqlite3.connect(path)
        for name, columns in _TABLES.items():
            declared = (f"{c} {'TEXT' if c in ('value', 'text') else 'INTEGER'}" for c in columns)
            connection.execute(f"CREATE TABLE {name} ({', '.join(declared)})")
            marks = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {name} VALUES ({marks})", zip(*columns.values(), strict=True)
            )
        connection.commit()
        connection.close()
        return path
    path.mkdir()
    for name, columns in _TABLES.items():
        write_table(
            path / f"{name}.{form}",
            pa.table({c: pa.array(values, _TYPES.get(c, pa.uint64())) for c, values in columns.items()}),
        )
    return path


def write_table(path: Path, table: pa.Table) -> None:
    """Write one table of a folder as its suffix says."""
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one kind of damage."""
    broken = bytearray(data)
    size = len(broken)
    at = rng.randrange(size)
    kind = rng.randrange(7)
    if kind == 0:
        return bytes(broken[:at])
    if kind == 1:
        for _ in range(rng.choice([1, 1, 2, 5, 20, 100])):
            broken[rng.randrange(size)] ^= 1 << rng.randrange(8)
    elif kind == 2:
        # Where a number of 4 bytes would lie: an offset, a length, a count.
        at -= at % 4
        number = rng.choice([-1, 0, 1, 60, 1 << 12, 1 << 20, (1 << 31) - 1, -(1 << 31), rng.getrandbits(31)])
        broken[at : at + 4] = struct.pack("<i", number)
    elif kind == 3:
        at -= at % 8
        number = rng.choice([-1, 0, 64, 1 << 20, 1 << 40, (1 << 63) - 1, -(1 << 63), rng.getrandbits(62)])
        broken[at : at + 8] = struct.pack("<q", number)
    elif kind == 4:
        length, there = rng.choice([8, 64, 512]), rng.randrange(size)
        broken[at : at + length] = data[there : there + length]
    elif kind == 5:
        broken[at : at + rng.choice([1, 4, 100])] = b""
    else:
        length = rng.choice([8, 100, 1000])
        broken[at : at + length] = bytes(len(broken[at : at + length]))
    return bytes(broken)


def outcome(path: Path) -> dict[str, Any]:
    """What becomes of an export, read whole: refused or read, or what should not be; and why, how long, how much."""
    import resource

    began, before = time.perf_counter(), _peak_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (_address_bytes() + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        report = nsys_export.read(path, wanted=None, progress=no_progress)
        tables = {name: table.select(table.column_names) for name, table in report.tables.items()}
        found, message = ("read", "") if _is_there(path, tables) else ("wrong", "not what the file holds")
    except ReportError as error:
        found, message = "refused", error.message
    except MemoryError as error:
        # Who limits the memory refuses it then.
        found, message = "too large", repr(error)
    except Exception as error:  # noqa: BLE001 - what is none of traceql's errors is what is looked for
        found, message = "accident", repr(error)
    seconds, grown = time.perf_counter() - began, _peak_bytes() - before
    return {"outcome": found, "message": message, "seconds": seconds, "bytes": grown}


def _is_there(path: Path, tables: dict[str, pa.Table]) -> bool:
    """Whether the values are those of the file, as who reads it otherwise finds them."""
    if path.is_file():
        connection = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return all(
            list(zip(*table.to_pydict().values(), strict=True))
            == [
                tuple(map(_shown, row, table.schema)) for row in connection.execute(f'SELECT * FROM "{name}"')
            ]
            for name, table in tables.items()
        )
    for name, table in tables.items():
        member = next(path.glob(f"{name}.*"))
        if member.suffix == ".parquet":
            # Through binary: text that is not UTF-8 is replaced.
            plain = pq.read_table(member)
            texts = {c for c in table.column_names if pa.types.is_large_string(table.schema.field(c).type)}
            for c in table.column_names:
                values = plain[c].cast(pa.large_binary()).to_pylist() if c in texts else plain[c].to_pylist()
                if table[c].to_pylist() != [_shown(v, table.schema.field(c)) for v in values]:
                    return False
        else:
            data = member.read_bytes()
            for column in table.columns:
                for value in column.to_pylist():
                    if isinstance(value, int):
                        bits = column.type.bit_width
                        held = (value % (1 << bits)).to_bytes(bits // 8, "little") in data
                    else:
                        # Around what was no UTF-8, at least the rest is in the file.
                        held = all(
                            p.encode() in data for p in (value or "").split("\N{REPLACEMENT CHARACTER}")
                        )
                    if not held:
                        return False
    return True


def _shown(value: Any, field: pa.Field) -> Any:
    """A value as the field's type has it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if value is None or not pa.types.is_string(field.type) else str(value)


def _address_bytes() -> int:
    import resource

    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _peak_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def forked(path: Path) -> dict[str, Any]:
    """`outcome` in a process of its own: also crashed (by a signal) or slow."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        os.close(receiving)
        os.write(sending, json.dumps(outcome(path)).encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    if said:
        return dict(json.loads(said))
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    found = "slow" if killed == signal.SIGALRM else "crashed"
    return {"outcome": found, "message": f"signal {killed}", "seconds": 0.0, "bytes": 0}


def run(form: str, cases: int, seed: int) -> tuple[Counter[str], float, int, list[str]]:
    """Damage a form so often: outcomes, seconds of the slowest, bytes of the largest, what should not have been."""
    rng = random.Random(f"{form} {seed}")
    counted: Counter[str] = Counter()
    slowest, largest, bad = 0.0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), form)
        members = [path] if path.is_file() else sorted(path.iterdir())
        whole = {member: member.read_bytes() for member in members}
        assert forked(path)["outcome"] == "read"
        for number in range(cases):
            member = rng.choice(members)
            member.write_bytes(damaged(whole[member], rng))
            found = forked(path)
            member.write_bytes(whole[member])
            counted[found["outcome"]] += 1
            slowest, largest = max(slowest, found["seconds"]), max(largest, found["bytes"])
            if found["outcome"] not in ("read", "refused", "too large", "crashed"):
                bad.append(f"{form} {seed}/{number}: {found['outcome']}: {found['message'][:200]}")
    return counted, slowest, largest, bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", type=int, default=1000, help="of each form (1000)")
    parser.add_argument("--seed", type=int, default=1, help="others for each number (1)")
    args = parser.parse_args()
    failed = False
    for form in FORMS:
        counted, slowest, largest, bad = run(form, args.cases, args.seed)
        print(f"{form}: {dict(counted)}, slowest {slowest:.2f} s, largest {largest / 1e6:.0f} MB", flush=True)
        print(*bad, sep="\n", end="\n" if bad else "")
        failed |= bool(bad)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
