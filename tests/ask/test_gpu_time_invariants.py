"""Questions about time on the GPU, on random timelines, against counting nanosecond by nanosecond."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made.nsys import Recording, kernel
from nsys_oracle import ask
from shipped import REPORTS

import traceql

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

pytestmark = pytest.mark.long

LENGTH = 60
#: Kernels as (start, duration, stream); stream 9 communicates.
TIMELINES = st.lists(
    st.tuples(st.integers(0, LENGTH - 20), st.integers(0, 20), st.sampled_from([7, 8, 9])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(TIMELINES)
@example([(0, 1, 7), (2, 0, 7)])
def test_time_is_counted_as_nanosecond_by_nanosecond(kernels: list[tuple[int, int, int]]) -> None:
    recording = Recording().duration(LENGTH)
    for start, duration, stream in kernels:
        name = "nccl" if stream == 9 else "gemm"
        recording.work(kernel(name, start, start + duration, stream=stream))
    db = recording.database()
    busy = [{stream for s, d, stream in kernels if s <= t < s + d} for t in range(LENGTH)]
    first, last = min(s for s, _, _ in kernels), max(s + d for s, d, _ in kernels)

    # A kernel of no duration is no time at work, at the edges neither.
    at_work = [t for t in range(LENGTH) if busy[t]]
    expected = Counter(len(busy[t]) for t in range(at_work[0], at_work[-1] + 1)) if at_work else {}
    found = {row["streams"]: row["time_ns"] for row in ask(db, "stream_concurrency")}
    assert found == dict(expected)

    found = {row["bin"]: row["busy_pct"] for row in ask(db, "cuda_gpu_time_util_map", bins=6)}
    assert found == {b: 10.0 * sum(map(bool, busy[10 * b : 10 * b + 10])) for b in range(6)}

    overlap = sum(row["overlap_ns"] for row in ask(db, "nccl_gpu_overlap_trace"))
    assert overlap == sum(
        bool(busy[t] - {9}) for s, d, stream in kernels if stream == 9 for t in range(s, s + d)
    )

    gaps = sum(row["duration_ns"] for row in ask(db, "gpu_gaps", min_gap_ns=0, limit=None))
    assert gaps == sum(not busy[t] for t in range(first, last))

    # Nobody recorded who launched them, and all of the span is one thing or the other.
    found = {row["cause"]: row["time_ns"] for row in ask(db, "busy")}
    assert found == {
        cause: time
        for cause, time in (("busy", sum(map(bool, busy[first:last]))), ("not_recorded", gaps))
        if cause == "busy" or time
    }
    stretches = db.sql("SELECT sum(duration_ns), sum(gpu_operations) FROM gpu_busy").row(0)
    assert stretches == (found["busy"], len(kernels))

    chunks = ask(db, "gpu_time_util", threshold_pct=1e9, limit=None)
    used = sum(row["in_use_pct"] * row["duration_ns"] / 100 for row in chunks)
    assert round(used) == sum(d for _, d, _ in kernels)


def test_causes_add_up_to_the_span_of_every_gpu_of_every_report(corpus: Database) -> None:
    spans = corpus.sql(
        """
        SELECT trace, gpu_id, max(coalesce(end_ns, start_ns)) - min(start_ns) AS span_ns
        FROM gpu_operations GROUP BY ALL ORDER BY ALL
        """
    ).rows()
    assert len(spans) > 10
    causes = corpus.query("busy")
    assert (causes["time_ns"] >= 0).all()
    summed = causes.group_by("trace", "gpu_id").agg(pl.col("time_ns").sum()).sort("trace", "gpu_id")
    assert summed.rows() == spans
    busy = causes.filter(cause="busy").select("trace", "gpu_id", "time_ns").sort("trace", "gpu_id")
    stretches = "SELECT trace, gpu_id, sum(duration_ns)::BIGINT FROM gpu_busy GROUP BY ALL ORDER BY ALL"
    assert busy.rows() == corpus.sql(stretches).rows()
    gaps = corpus.query("gpu_gaps", limit=None)
    idle = causes.filter(pl.col("cause") != "busy")
    assert idle["time_ns"].sum() == gaps["duration_ns"].sum() > 0
    longest = gaps.group_by("trace", "gpu_id").agg(pl.col("duration_ns").max()).sort("trace", "gpu_id")
    told = idle.select("trace", "gpu_id", "longest_gap_ns").unique().sort("trace", "gpu_id")
    assert told.rows() == longest.rows()


def test_by_process_causes_add_up_to_what_each_process_spans(corpus: Database) -> None:
    spans = corpus.sql(
        """
        SELECT trace, gpu_id, pid, max(coalesce(end_ns, start_ns)) - min(start_ns) AS span_ns
        FROM gpu_operations GROUP BY trace, gpu_id, process_id, pid ORDER BY ALL
        """
    )
    causes = corpus.query("busy", by="process")
    summed = causes.group_by("trace", "gpu_id", "pid").agg(pl.col("time_ns").sum())
    assert summed.sort("trace", "gpu_id", "pid").rows() == spans.rows()


def test_percentiles_are_those_of_the_standard_library(corpus: Database) -> None:
    durations = corpus.sql(
        "SELECT duration_ns FROM kernels NATURAL JOIN traces WHERE trace = 'llama_eager.sqlite.xz' "
        "AND name = 'rms_norm_kernel'"
    )["duration_ns"].to_list()
    assert len(durations) > 10
    hundredths = statistics.quantiles(durations, n=100, method="inclusive")
    (row,) = ask(corpus, "top_kernels", trace="llama_eager", kernel="rms_norm_kernel", names="short")
    for place, column in ((50, "median_ns"), (90, "p90_ns"), (99, "p99_ns")):
        assert math.isclose(row[column], hundredths[place - 1])


def test_samples_in_ranges_are_those_that_a_plain_join_finds(corpus: Database) -> None:
    plain = corpus.sql(
        """
        SELECT domain, range, gpu_id, metric, unit, count(*) AS samples, avg(value) AS avg
        FROM (
            SELECT DISTINCT domain, text AS range, gpu_samples.*
            FROM nvtx_ranges
            JOIN gpu_samples ON gpu_samples.trace_id = nvtx_ranges.trace_id
                AND time_ns >= gpu_start_ns AND time_ns < gpu_end_ns
            WHERE gpu_id IN (SELECT gpu_id FROM gpu_operations WHERE trace = 'gpu_metrics.sqlite.xz')
        )
        GROUP BY ALL ORDER BY ALL
        """
    ).rows()
    assert len(plain) > 10
    found = corpus.query("gpu_metrics_in_ranges").filter(pl.col("samples") > 0)
    ours = found.select("domain", "range", "gpu_id", "metric", "unit", "samples", "avg")
    for mine, other in zip(sorted(ours.rows(), key=str), sorted(plain, key=str), strict=True):
        assert mine[:-1] == other[:-1]
        assert math.isclose(mine[-1], other[-1], rel_tol=1e-9, abs_tol=1e-9)


def test_links_carry_what_collectives_say_that_they_send(tmp_path: Path) -> None:
    """Between two GPUs each receives as much as a message of any of the three has: a part of a sample's period
    at either end is lost, and the share of a sample is a whole number of percents."""
    with traceql.open(tmp_path / "db") as database:
        database.ingest(REPORTS / "nvlink_collectives.nsys-rep.xz")
        rows = database.query("collective_links", metric="NVLink RX Requests User Data").to_dicts()
        assert {(row["collective"], row["gpu_id"]) for row in rows} == {
            (function, gpu)
            for function in ("ncclAllReduce", "ncclAllGather", "ncclReduceScatter")
            for gpu in (0, 1)
        }
        for row in rows:
            carried = 1e-9 * row["avg_bytes_per_s"] * row["known_ns"]
            assert 0.75 * row["message_bytes"] < carried < 1.1 * row["message_bytes"], row
            assert row["sized"] == row["collectives"] and row["known_ns"] == row["busy_ns"]
            assert row["outside_bytes_per_s"] < 0.02 * row["avg_bytes_per_s"]
            # NVIDIA names 900 GB/s of an H200 for both directions.
            assert row["avg_bytes_per_s"] < row["max_bytes_per_s"] < row["peak_bytes_per_s"] == 450e9
        samples = database.sql("""
            SELECT gpu_id, time_ns, value, lead(time_ns) OVER samples AS next_ns, lag(time_ns) OVER samples AS before_ns
            FROM gpu_samples
            WHERE metric = 'GR Active'
            WINDOW samples AS (PARTITION BY gpu_id ORDER BY time_ns)
        """).drop_nulls()
        kernels = database.sql("SELECT gpu_id, start_ns, end_ns FROM kernels ORDER BY start_ns")
    # A sample tells of the time until the next one: nearly all of what it tells is that kernels ran then.
    for gpu in (0, 1):
        ran = kernels.filter(gpu_id=gpu)
        starts, ends = ran["start_ns"].to_numpy(), ran["end_ns"].to_numpy()
        here = samples.filter(gpu_id=gpu)
        told = here["value"].to_numpy()

        def busy(since: np.ndarray, until: np.ndarray, starts=starts, ends=ends) -> np.ndarray:
            inside = np.minimum(until[:, None], ends) - np.maximum(since[:, None], starts)
            return np.clip(inside, 0, None).sum(1) / (until - since)

        at, after, before = (here[name].to_numpy() for name in ("time_ns", "next_ns", "before_ns"))
        assert np.corrcoef(told, busy(at, after))[0, 1] > 0.99
        assert np.corrcoef(told, busy(before, at))[0, 1] < 0.9


def test_an_operation_that_ended_before_it_began_ends_one_gap_and_begins_the_next() -> None:
    recording = Recording().call("cudaLaunchKernel_v7000", 0, 5, kernel("first", 10, 20))
    recording.call("cudaLaunchKernel_v7000", 5, 8, kernel("damaged", 30, 25))
    recording.call("cudaLaunchKernel_v7000", 8, 9, kernel("last", 50, 60))
    db = recording.database()
    gaps = db.query("gpu_gaps").sort("start_ns")
    assert gaps.select("start_ns", "duration_ns").rows() == [(20, 10), (30, 20)]
    idle = db.query("busy").filter(cause="busy")
    assert gaps["duration_ns"].sum() == (idle["span_ns"] - idle["time_ns"]).item()
    waits = db.query("launch_overhead").sort("kernel")
    assert dict(waits.select("kernel", "gap_ns").rows()) == {"first": 0, "damaged": 10, "last": 20}
