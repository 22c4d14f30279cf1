"""What does attribution cost? Ingest with and without NVTX ranges, and the projection query after it.

    python benchmarks/attribution.py REPORT [--scale 10]

The time that attribution adds is the ingest of the report minus that of the same report without its NVTX
events: it includes reading and storing the ranges themselves. Runs alternate and the best of each counts,
because other work on the machine can only add time. --scale repeats the report's events that many times,
one after the other, and does it all again.

Goals on a report with 62 k ranges, 707 k API calls and 278 k kernels, two cores: less than 0.4 s added, less
than 50 ms for nvtx_gpu_proj_sum, and on 10 times the events at most 12 times the time.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

import traceql
from traceql.store import ingest
from traceql.store.decode import Decoded, decode
from traceql.tables import normalise

if TYPE_CHECKING:
    from traceql.read.base import RawReport

EVENTS = (
    "NVTX_EVENTS",
    "CUPTI_ACTIVITY_KIND_RUNTIME",
    "CUPTI_ACTIVITY_KIND_KERNEL",
    "CUPTI_ACTIVITY_KIND_MEMCPY",
    "CUPTI_ACTIVITY_KIND_MEMSET",
    "CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
)


def loaded(report: RawReport) -> RawReport:
    """The report with its tables in memory: reading files is no part of the comparison."""
    wanted = normalise.wanted("nsys")
    tables = {}
    for name, table in report.tables.items():
        columns = [c for c in table.column_names if c in wanted.get(name, ())]
        if columns:
            tables[name] = table.select(columns)
    return dataclasses.replace(report, tables=tables)


def scaled(report: RawReport, times: int) -> RawReport:
    """The events `times` times, each copy after the one before and with correlation ids of its own."""
    tables = dict(report.tables)
    ends = [pc.max(tables[name]["end"]).as_py() or 0 for name in EVENTS if name in tables]
    span = max(ends) + 1_000_000
    ids = pc.max(tables["CUPTI_ACTIVITY_KIND_RUNTIME"]["correlationId"]).as_py() + 1
    for name in EVENTS:
        if name in tables:
            copies = [shifted(tables[name], n * span, n * ids) for n in range(times)]
            tables[name] = pa.concat_tables(copies)
    return dataclasses.replace(report, tables=tables)


def shifted(table: pa.Table, nanoseconds: int, ids: int) -> pa.Table:
    for column, offset in (("start", nanoseconds), ("end", nanoseconds), ("correlationId", ids)):
        if column in table.column_names:
            values = pc.add(pc.cast(table[column], pa.int64()), offset)
            table = table.set_column(table.column_names.index(column), column, values)
    return table


def seconds_to_store(decoded: Decoded) -> tuple[float, float]:
    """Wall time and processor time of all threads."""
    with traceql.open(":memory:") as database:
        began, used = time.perf_counter(), time.process_time()
        ingest.add(database._store, decoded)
        return time.perf_counter() - began, time.process_time() - used


@dataclasses.dataclass
class Result:
    """Seconds, best of several: ingest, what attribution adds to it (also in processor time), the query."""

    ingest: float
    attribution: float
    attribution_cpu: float
    query: float


def measure(decoded: Decoded, repeats: int) -> Result:
    report = decoded.report
    without = {name: table for name, table in report.tables.items() if name != "NVTX_EVENTS"}
    bare = dataclasses.replace(decoded, report=dataclasses.replace(report, tables=without))
    whole, plain = [], []
    for _ in range(repeats):
        plain.append(seconds_to_store(bare))
        whole.append(seconds_to_store(decoded))
    queries = []
    with traceql.open(":memory:") as database:
        ingest.add(database._store, decoded)
        for _ in range(repeats):
            began = time.perf_counter()
            database.ask("nvtx_gpu_proj_sum")
            queries.append(time.perf_counter() - began)
    (wall, cpu), (bare_wall, bare_cpu) = (
        (min(w for w, _ in runs), min(c for _, c in runs)) for runs in (whole, plain)
    )
    return Result(wall, wall - bare_wall, cpu - bare_cpu, min(queries))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--scale", type=int, default=1, help="also measure this many times the events")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    decoded = decode(arguments.report)
    decoded = dataclasses.replace(decoded, report=loaded(decoded.report))
    results = []
    for scale in sorted({1, arguments.scale}):
        grown = dataclasses.replace(decoded, report=scaled(decoded.report, scale)) if scale > 1 else decoded
        result = measure(grown, arguments.repeats if scale == 1 else 3)
        results.append(result)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{scale:>3} x  ingest {result.ingest:.3f} s, of it attribution {result.attribution:.3f} s "
            f"({result.attribution_cpu:.3f} s of processor time); "
            f"nvtx_gpu_proj_sum {result.query * 1000:.1f} ms; peak memory {memory:,.0f} MiB"
        )
    if len(results) > 1:
        small, big = results
        growth = {
            field.name: getattr(big, field.name) / getattr(small, field.name)
            for field in dataclasses.fields(Result)
        }
        print("growth  " + ", ".join(f"{name} {factor:.1f}" for name, factor in growth.items()))
    decoded.close()


if __name__ == "__main__":
    main()
