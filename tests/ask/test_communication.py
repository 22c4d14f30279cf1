"""Collectives of real recordings: what NCCL says about its messages, one report per rank, parts that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from ask.nsys_oracle import ask
from hypothesis import given, settings
from hypothesis import strategies as st
from made.nsys import Recording, copy, kernel
from shipped import EXPECTED, REPORTS

import traceql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql.database import Database

RANKS = ("nccl_rank0", "nccl_rank1")
LENGTH = 60


@pytest.fixture(scope="module")
def ranks() -> Iterator[Database]:
    """Two ranks of one job, each with a report of its own, recorded on one host."""
    with traceql.open(":memory:") as db:
        for rank in RANKS:
            db.ingest(REPORTS / f"{rank}.nsys-rep.xz", name=rank)
        yield db


@pytest.mark.long
def test_what_nccl_says_is_the_same_in_a_report_and_in_its_export(ranks: Database) -> None:
    statement = (
        "SELECT text, start_ns, payload FROM nvtx_ranges JOIN traces USING (trace_id) WHERE trace = $trace"
    )
    for rank in RANKS:
        with traceql.open(":memory:") as db:
            db.ingest(REPORTS / f"{rank}.sqlite.xz", name=rank)
            exported = db.sql(f"{statement} ORDER BY ALL", {"trace": rank}).rows()
        assert ranks.sql(f"{statement} ORDER BY ALL", {"trace": rank}).rows() == exported
        told = {text: payload for text, _, payload in exported if payload}
        assert set(told) == {
            "ncclAllReduce", "ncclAllGather", "ncclBroadcast", "ncclReduceScatter", "ncclSend", "ncclRecv"
        }  # fmt: skip
        # 16 MiB from each of two ranks to the other.
        assert '"Message size [bytes]":16777216' in told["ncclSend"]
        assert f'"Peer rank":{1 - RANKS.index(rank)}' in told["ncclSend"]


def test_reports_of_two_ranks_on_one_host_have_one_clock(ranks: Database) -> None:
    rows = ask(ranks, "nccl_straggler")
    offsets = {row["trace"]: row["clock_offset_ns"] for row in rows}
    # Ends of a collective are not equal to the nanosecond.
    assert offsets["nccl_rank0"] == 0
    assert abs(offsets["nccl_rank1"]) < 1_000
    kernels = ranks.sql("SELECT count(*) FROM kernels_communicating").item()
    assert sum(row["collectives"] for row in rows) == kernels == 2 * 72
    assert all(row["alone"] == 0 and row["waited_pct"] <= 100 for row in rows)
    # Rank 1 sleeps 3 ms before the first sum of every fourth step.
    late = {
        row["trace"]: row["max_late_ns"]
        for row in rows
        if "AllReduce_Sum_bf16" in row["kernel"] and row["late_ns"] > 3_000_000
    }
    assert set(late) == {"nccl_rank1"} and late["nccl_rank1"] > 3_000_000


def test_collectives_of_one_name_in_three_communicators_are_told_apart(ranks: Database) -> None:
    rows = ask(ranks, "collectives", communication="%AllReduce_Sum_bf16%", limit=None)
    assert len(rows) == 3 * 8 and len({row["communicator"] for row in rows}) == 3
    assert {(row["ranks"], row["traces"], row["trace"]) for row in rows} == {(2, 2, "nccl_rank0")}
    # Those of 24 MiB are groups of two messages, of 16 and 8 MiB.
    assert {row["message_bytes"] for row in rows} == {16_777_216, 25_165_824}
    assert all(0 <= row["wait_ns"] < row["duration_ns"] for row in rows)
    # 16 MiB between two H100 take about 75 µs once both are there.
    plain = [row for row in rows if row["message_bytes"] == 16_777_216]
    assert all(1.5e11 < row["bytes_per_s"] < 4.5e11 for row in plain)


def test_all_that_communicates_in_the_recipe_of_nccl_communicates_here(corpus: Database) -> None:
    theirs = pl.read_parquet(EXPECTED / "nsys_recipes" / "nccl_gpu_overlap_trace" / "rank_trace.parquet")
    (mine,) = corpus.sql(
        "SELECT count(*) FROM kernels_communicating WHERE trace = $trace",
        {"trace": "nccl_two_gpus.sqlite.xz"},
    ).row(0)
    assert mine == theirs.filter(pl.col("Name").str.starts_with("nccl")).height == 36


@pytest.mark.long
def test_what_the_gpus_of_a_recording_did_adds_up_to_their_spans(corpus: Database) -> None:
    rows = ask(corpus, "communication_overlap", trace="nccl_two_gpus")
    steps = ask(corpus, "communication_per_step", trace="nccl_two_gpus", step="step_%")
    assert len(rows) == 2 and len(steps) == 12
    parts = ("exposed_ns", "overlapped_ns", "compute_ns", "memory_ns", "idle_ns")
    for row in [*rows, *steps]:
        assert sum(row[part] for part in parts) == row["span_ns"]
    for row in rows:
        # The first operation of all belongs to the first step.
        mine = [step for step in steps if step["pid"] == row["pid"]]
        for part in ("span_ns", *parts):
            assert sum(step[part] for step in mine) == row[part]


WORK = st.lists(
    st.tuples(
        st.integers(0, LENGTH - 1),
        st.integers(0, LENGTH),
        st.sampled_from(["gemm", "ncclAllReduce", "cross_device_reduce_1stage", "copy"]),
        st.integers(7, 9),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(WORK)
def test_the_parts_of_a_span_are_those_that_a_walk_along_it_finds(
    work: list[tuple[int, int, str, int]],
) -> None:
    recording = Recording()
    for start, duration, name, stream in work:
        end = start + duration
        one = copy("Host-to-Device", start, end, 8, stream=stream) if name == "copy" else None
        recording.work(one or kernel(name, start, end, stream=stream))
    rows = ask(recording.database(), "communication_overlap")
    lasting = [(start, start + duration, name) for start, duration, name, _ in work if duration]
    if not lasting:
        assert rows == []
        return
    walked = dict.fromkeys(("exposed", "overlapped", "compute", "memory", "idle"), 0)
    for at in range(min(start for start, _, _ in lasting), max(end for _, end, _ in lasting)):
        running = {name for start, end, name in lasting if start <= at < end}
        communicates = bool(running & {"ncclAllReduce", "cross_device_reduce_1stage"})
        if communicates:
            walked["overlapped" if "gemm" in running else "exposed"] += 1
        elif "gemm" in running:
            walked["compute"] += 1
        else:
            walked["memory" if running else "idle"] += 1
    assert {part: rows[0][f"{part}_ns"] for part in walked} == walked
