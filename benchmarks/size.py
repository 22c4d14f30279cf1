"""How time, memory and the database grow with a report: one recording, repeated with new times and ids.

::

    python benchmarks/size.py run.nsys-rep                    of 1 and 10 million events
    python benchmarks/size.py run_pqtdir 1 10 100             an export, and how many millions of events
    python benchmarks/size.py run.nsys-rep --reports 1000     so many reports in one database

Each repetition begins where the one before it ended, and has correlation ids of its own. Each report is
ingested by `traceql ingest`, and then questions are asked of it, as processes of their own. Memory is the
peak of all its processes together (Linux), and of the largest of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from traceql.read import protobuf
from traceql.read.buffer import Buffer
from traceql.read.nsys_rep import layout, messages
from traceql.read.nsys_rep.blocks import events
from traceql.read.nsys_rep.container import Container, decompress, open_container
from traceql.read.protobuf import BYTES, VARINT

QUESTIONS = ("top-kernels", "nvtx-kern-sum", "gpu-gaps", "launch-overhead", "stream-concurrency")
# Bytes of a time, of an id and of a length on the wire, wide enough for every repetition.
_TIME, _ID, _LENGTH = 7, 5, 2
_EVENT_SHAPE = {1: VARINT, **dict.fromkeys(layout.PAYLOAD_NAMES, BYTES)}
_HEADER_STOP = 18
# Of calls, and of records of CUDA events: what waits for one names its number. A number may be "none".
_IDS = ("correlationId", "eventSyncId")
_NO_ID = 0xFFFFFFFF
# Messages within CUDA's that hold such numbers: waits, and records of events.
_WITH_IDS = (105, 106)
# What storing a report may take, in all its processes together.
_MOST_BYTES, _MOST_BYTES_PER_EVENT = 600e6, 30


# --- .nsys-rep ------------------------------------------------------------------------------------------


@dataclass
class Template:
    """A block in which times and ids have so many bytes that those of every repetition fit."""

    content: np.ndarray
    times: np.ndarray
    time_values: np.ndarray
    ids: np.ndarray
    id_values: np.ndarray

    def repeated(self, later_ns: int, further: int) -> bytes:
        """The block with its times later and its ids further on."""
        content = self.content.copy()
        _write(content, self.times, self.time_values + later_ns, _TIME)
        _write(content, self.ids, self.id_values + further, _ID)
        message = content.tobytes()
        raw = varint(len(message)) + message
        packed = pa.Codec("lz4_raw").compress(raw, asbytes=True)
        return varint(len(packed)) + varint(len(raw)) + packed


def template(container: Container, block: object) -> Template:
    """Find the times and ids of a block, and widen them."""
    buffer = Buffer([decompress(container.source, container.data, block)])  # type: ignore[arg-type]
    starts, ends, generic = events(buffer)
    starts, ends = starts[~generic], ends[~generic]
    noted: list[tuple[tuple[int, ...], int, np.ndarray]] = []
    add = messages._Parts.add

    def note(parts: messages._Parts, number: int, part: messages.Field, at: np.ndarray) -> None:
        noted.append((parts.path, number, at))
        add(parts, number, part, at)

    unknown = messages.Unknown()
    top = messages.split(buffer, starts, ends, _EVENT_SHAPE, unknown=unknown)
    lengths = [starts]
    with mock.patch.object(messages._Parts, "add", note):
        for number, column in top.items():
            if column.sizes is not None and number in layout.PAYLOAD_NAMES:
                lengths.append(column.values)
                shape = layout.SHAPES[number]
                within = messages.split(
                    buffer, column.values, column.values + column.sizes, shape,
                    path=(number,), unknown=unknown,
                )  # fmt: skip
                for inner in _WITH_IDS if number == layout.CUDA else ():
                    if (one := within.get(inner)) is not None and one.sizes is not None:
                        lengths.append(one.values)
                        messages.split(
                            buffer, one.values, one.values + one.sizes, shape[inner],  # type: ignore[arg-type]
                            path=(number, inner), unknown=unknown,
                        )  # fmt: skip
    paths = {
        kind: {
            path
            for table in layout.EVENT_TABLES
            for one in table.columns
            for path in one.paths
            if one.name in names and (len(path) == 2 or path[1] in _WITH_IDS)
        }
        for kind, names in (("time", ("start", "end")), ("id", _IDS))
    }
    at = {
        kind: np.sort(np.concatenate([np.zeros(0, np.int64), *(
            where + 1 for path, number, where in noted if (*path, number) in chosen
        )]))
        for kind, chosen in paths.items()
    }  # fmt: skip
    values = {kind: _read(buffer.bytes, where)[0] for kind, where in at.items()}
    is_one = {kind: (found > 0) & (found != _NO_ID) for kind, found in values.items()}
    at = {kind: where[is_one[kind]] for kind, where in at.items()}
    values = {kind: found[is_one[kind]] for kind, found in values.items()}
    # A length lies right before what it is of.
    before = np.concatenate(lengths)
    size = np.ones(before.size, np.int64)
    size[buffer.bytes[before - 2] >= 0x80] = 2
    at["length"] = before - size
    values["length"], _ = _read(buffer.bytes, at["length"])
    order = np.argsort(at["length"], kind="stable")
    at["length"], values["length"], before = at["length"][order], values["length"][order], before[order]
    widths = {"time": _TIME, "id": _ID, "length": _LENGTH}
    places = np.concatenate([at[kind] for kind in widths])
    more = np.concatenate([widths[kind] - _read(buffer.bytes, at[kind])[1] for kind in widths])
    behind = np.concatenate([at[kind] + _read(buffer.bytes, at[kind])[1] for kind in widths])
    order = np.argsort(places)
    added = np.concatenate([[0], np.cumsum(more[order])])
    content = np.insert(buffer.bytes[: buffer.size], np.repeat(behind, more), 0)

    def moved(where: np.ndarray) -> np.ndarray:
        return where + added[np.searchsorted(places[order], where, "left")]

    grown = moved(before + values["length"]) - moved(before)
    if grown.max(initial=0) >= 1 << 7 * _LENGTH:
        raise SystemExit("An event of the report is longer than this can write.")
    _write(content, moved(at["length"]), grown, _LENGTH)
    return Template(content, moved(at["time"]), values["time"], moved(at["id"]), values["id"])


def _read(content: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Varints and how many bytes each has."""
    value, size = np.zeros(at.size, np.int64), np.zeros(at.size, np.int64)
    going = np.ones(at.size, np.bool_)
    for place in range(10):
        byte = content[np.minimum(at + place, content.size - 1)].astype(np.int64)
        value = np.where(going, value | (byte & 0x7F) << 7 * place, value)
        size += going
        going &= byte >= 0x80
    return value, size


def _write(content: np.ndarray, at: np.ndarray, values: np.ndarray, width: int) -> None:
    for place in range(width):
        content[at + place] = (values >> 7 * place & 0x7F) | (0x80 if place < width - 1 else 0)


def repeated_report(report: Path, times: int, into: Path, first: int = 0) -> None:
    """Write the report with its events `times` times, from the given repetition on."""
    container = open_container(report)
    data = container.data
    templates = [template(container, block) for block in container.blocks]
    start, stop = (protobuf.signed(container.header, number) or 0 for number in (17, 18))
    span_ns = stop - start
    every = np.concatenate([one.id_values for one in templates])
    span_ids = int(every.max()) + 1 if every.size else 0
    contents = b""
    head, last = container.blocks[0], container.blocks[-1]
    with into.open("wb") as out:
        out.write(data[: min(place for place, _ in container.sections.values())])
        grown = 0
        for name, (begin, end) in container.sections.items():
            at = out.tell()
            if name == "Raw Sampling Data":
                blocks_at = head.offset - len(varint(head.compressed)) - len(varint(head.size))
                front = _front(data[begin:blocks_at], times, start + (first + times) * span_ns)
                out.write(front)
                for repetition in range(first, first + times):
                    for one in templates:
                        out.write(one.repeated(repetition * span_ns, repetition * span_ids))
                grown = out.tell() - at - (last.offset + last.compressed - begin)
                out.write(data[last.offset + last.compressed : end])
            elif name == "Sampling Data Offsets":
                for number, values in sorted(protobuf.message(data[begin:end]).items()):
                    for value in values:
                        out.write(field(number, value + grown if isinstance(value, int) else bytes(value)))
            else:
                out.write(data[begin:end])
            entry = field(1, name.encode()) + field(2, at) + field(3, out.tell() - at)
            contents += field(1, entry)
        contents_at = out.tell()
        out.write(contents + struct.pack("<Q", contents_at) + data[-8:])


def _front(section: bytes, times: int, stop: int) -> bytes:
    """What stands before the blocks: header and index, with the later stop and all events."""
    size, at = protobuf.varint(section, 8, len(section))
    header = _changed(section[at : at + size], _HEADER_STOP, lambda _: stop)
    size, begin = protobuf.varint(section, at + size, len(section))
    index = _changed(section[begin : begin + size], 1, lambda count: count * times)
    return section[:8] + varint(len(header)) + header + varint(len(index)) + index


def _changed(message: bytes, number: int, new: object) -> bytes:
    return b"".join(
        field(one, new(value) if one == number and isinstance(value, int) else value)  # type: ignore[operator]
        for one, _, value in protobuf.fields(message, 0, len(message))
    )


def varint(value: int) -> bytes:
    """Protobuf's variable-length number."""
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + bytes(value)


# --- parquetdir -----------------------------------------------------------------------------------------


def repeated_export(export: Path, times: int, into: Path) -> None:
    """Write the export with its events `times` times: a row group for each."""
    into.mkdir()
    details = pq.read_table(export / "ANALYSIS_DETAILS.parquet")
    span_ns = details["duration"][0].as_py()
    runtime = export / "CUPTI_ACTIVITY_KIND_RUNTIME.parquet"
    ids = pq.read_table(runtime, columns=["correlationId"])["correlationId"].to_numpy()
    for file in sorted(export.iterdir()):
        rows = pq.read_table(file)
        if not {"start", "correlationId"} & set(rows.column_names):
            if "duration" in rows.column_names:
                place = rows.column_names.index("duration")
                long = pa.array([span_ns * times], rows.schema.field(place).type)
                rows = rows.set_column(place, rows.schema.field(place), long)
            pq.write_table(rows, into / file.name)
            continue
        with pq.ParquetWriter(into / file.name, rows.schema) as writer:
            for repetition in range(times):
                writer.write_table(_later(rows, repetition * span_ns, repetition * (int(ids.max()) + 1)))


def _later(rows: pa.Table, later_ns: int, further: int) -> pa.Table:
    for place, one in enumerate(rows.schema):
        more = later_ns if one.name in ("start", "end") else further if one.name in _IDS else 0
        if more and rows.column(place).null_count < rows.num_rows:
            column = rows.column(place).combine_chunks()
            column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
            values = column.fill_null(0).to_numpy()
            shifted = np.where((values > 0) & (values != _NO_ID), values + values.dtype.type(more), values)
            mask = column.is_null().to_numpy(zero_copy_only=False)
            rows = rows.set_column(place, one, pa.array(shifted, one.type, mask=mask))
    return rows


# --- measuring ------------------------------------------------------------------------------------------


def measure(command: list[str]) -> tuple[float, float, float, float]:
    """Wall and CPU seconds, peak MB of all its processes together, and of the largest."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        over, peak = threading.Event(), [0]

        def look() -> None:
            while not over.wait(0.02):
                peak[0] = max(peak[0], sum(map(_resident_bytes, _family(process.pid))))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        over.set()
        thread.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{errors.decode()}")
    wall = time.perf_counter() - began
    return wall, usage.ru_utime + usage.ru_stime, peak[0] / 1e6, usage.ru_maxrss / 1e3


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [one for child in task.read_text("utf-8").split() for one in _family(int(child))]
        except OSError:
            continue
    return found


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def events_of(report: Path) -> int:
    """How many events a report has."""
    if report.is_dir():
        return sum(
            pq.ParquetFile(file).metadata.num_rows
            for file in report.iterdir()
            if "start" in pq.ParquetFile(file).schema_arrow.names
        )
    return open_container(report).event_count or 0


def many(report: Path, reports: int, folder: Path | None) -> None:
    """Print what it takes to store so many reports in one database, by one command."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        made = Path(name) / "reports"
        made.mkdir()
        for number in range(reports):
            repeated_report(report, 1, made / f"{number}.nsys-rep", number)
        database = Path(name) / "traces.duckdb"
        command = [sys.executable, "-m", "traceql", "ingest", "--quiet", "--db", str(database), str(made)]
        wall, cpu, peak, largest = measure(command)
        print(
            f"{reports:,} reports of {events_of(report):,} events: {wall:.1f} s, {cpu:.1f} CPU s"
            f" ({cpu / reports:.3f} each), peak {peak:,.0f} MB, largest {largest:,.0f} MB,"
            f" database {database.stat().st_size / 1e6:,.0f} MB"
        )


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    parser.add_argument("millions", nargs="*", type=float, default=[1, 10])
    parser.add_argument("--reports", type=int, help="of so many small reports in place of large ones")
    parser.add_argument(
        "--check", action="store_true", help="fail if storing takes more than 600 MB and 30 bytes an event"
    )
    parser.add_argument("--folder", type=Path, help="for reports and databases; by default a temporary one")
    options = parser.parse_args()
    report: Path = options.report
    each = events_of(report)
    traceql = [sys.executable, "-m", "traceql"]
    if options.reports:
        many(report, options.reports, options.folder)
        return
    titles = ("events", "MB", "wall s", "CPU s", "peak MB", "largest", "database")
    print(*(f"{title:>11}" for title in titles), *(f"{name:>19}" for name in QUESTIONS))
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for millions in options.millions:
            times = max(1, round(millions * 1e6 / each))
            made, database = Path(name) / f"{times}{report.suffix}", Path(name) / "traces.duckdb"
            (repeated_export if report.is_dir() else repeated_report)(report, times, made)
            files = list(made.iterdir()) if made.is_dir() else [made]
            size = sum(file.stat().st_size for file in files)
            wall, cpu, peak, largest = measure(
                [*traceql, "ingest", "--quiet", "--db", str(database), str(made)]
            )
            asked = [
                measure([*traceql, "query", question, "--db", str(database), "--format", "csv"])
                for question in QUESTIONS
            ]
            print(
                f"{times * each:11,} {size / 1e6:11,.0f} {wall:11.1f} {cpu:11.1f} {peak:11,.0f}"
                f" {largest:11,.0f}"
                f" {database.stat().st_size / 1e6:8,.0f} MB",
                *(f"{one[1]:9.2f} s {one[3]:5,.0f} MB" for one in asked),
                flush=True,
            )
            most = (_MOST_BYTES + _MOST_BYTES_PER_EVENT * times * each) / 1e6
            if options.check and peak > most:
                raise SystemExit(f"Storing took {peak:,.0f} MB, and may take {most:,.0f} MB.")
            database.unlink()
            shutil.rmtree(made) if made.is_dir() else made.unlink()


if __name__ == "__main__":
    main()
