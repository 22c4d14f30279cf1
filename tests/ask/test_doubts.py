"""Times that cannot be right are told, with counts and examples, and no answer makes nonsense of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from made.nsys import Recording, copy, kernel
from shipped import notes

from traceql.errors import TraceqlError
from traceql.questions import catalog

if TYPE_CHECKING:
    from traceql import Database

LAUNCH = "cudaLaunchKernel_v7000"


def overrun() -> Recording:
    """A thousand kernels of 50 µs, 10 µs apart, of which the fourth is said to have run for two seconds."""
    recording = Recording().duration(2_100_000_000)
    for number in range(1000):
        start = number * 60_000
        length = 2_000_000_000 if number == 3 else 50_000
        recording.call(LAUNCH, start, start + 5, kernel("gemm", start + 1000, start + 1000 + length))
    return recording


def negative() -> Recording:
    """Of each kind one event that ends before it starts, beside one that does not."""
    return (
        Recording()
        .duration(6000)
        .range("step", 0, 5900)
        .range("ended early", 3000, 2000)
        .range("request", 3000, 2000, style="startend")
        .call(LAUNCH, 0, 5, kernel("gemm", 1000, 2000))
        .call(LAUNCH, 10, 15, kernel("gemm", 5000, 4000))
        .call("cudaMemcpyAsync_v3020", 20, 25, copy("Host-to-Device", 2500, 2600, 100))
        .call("cudaMemcpyAsync_v3020", 30, 35, copy("Host-to-Device", 2700, 2690, 100))
        .call("cudaFree_v3020", 50, 40)
        .os_call("poll", 100, 200)
        .os_call("poll", 300, 250)
    )


def doubts(database: Database) -> list[tuple[object, ...]]:
    return database.sql("SELECT table_name, fault, events, doubtful_ns FROM doubts ORDER BY ALL").rows()


@pytest.mark.long
def test_a_kernel_that_overruns_the_next_one_is_in_the_total_and_beside_it() -> None:
    database = overrun().database()
    assert doubts(database) == [("kernels", "overrun", 1, 2_000_000_000 - 60_000)]
    sentence = (
        "1 of 1,000 kernels still run when the next operation of their stream has ended (for example gemm at "
        "0.181000 ms): 1,999.940 of 2,049.950 ms are doubtful."
    )
    assert database.sql("SELECT warnings FROM traces").item().to_list() == [sentence]
    for question in (
        "cuda_gpu_kern_sum",
        "top_kernels",
        "launch_overhead",
        "kernel_categories",
        "trace_summary",
    ):
        answer = database.ask(question)
        assert [(note.code, note.text) for note in answer.notes] == [("doubtful_times", f"made: {sentence}")]
    assert database.query("cuda_gpu_kern_sum")["total_ns"].to_list() == [999 * 50_000 + 2_000_000_000]
    # What does not read kernels has nothing to say about them.
    assert "doubtful" not in notes(database.ask("api_summary"))


def test_what_ends_before_it_starts_has_no_length_and_is_counted() -> None:
    database = negative().database()
    assert doubts(database) == [
        ("api_calls", "backwards", 1, None),
        ("kernels", "backwards", 1, None),
        ("memory_ops", "backwards", 1, None),
        ("nvtx_ranges", "backwards", 2, None),
        ("os_calls", "backwards", 1, None),
    ]
    for table in ("kernels", "memory_ops", "api_calls", "os_calls"):
        assert database.sql(
            f"SELECT min(duration_ns) >= 0, count(*) > count(end_ns) FROM {table}"
        ).rows() == [(True, True)]
    columns = ("instances", "total_ns", "share_pct", "min_ns")
    assert database.query("cuda_gpu_kern_sum").select(columns).rows() == [(2, 1000, 100.0, 1000)]


@pytest.mark.long
@pytest.mark.parametrize("recording", [overrun(), negative()], ids=["overrun", "negative"])
def test_no_share_of_any_answer_is_negative_or_not_a_number(recording: Recording) -> None:
    asked = 0
    with recording.database() as database:
        for question in catalog.shipped().queries.values():
            values = {
                p.name: "made" for p in question.params if p.required and p.name in ("baseline", "variant")
            }
            try:
                answer = database.ask(question.name, **values).table
            except TraceqlError:
                continue
            asked += 1
            for name in answer.column_names:
                numbers = [v for v in answer.column(name).to_pylist() if isinstance(v, int | float)]
                assert not any(math.isnan(number) for number in numbers), (question.name, name)
                if name.endswith("_pct") or (name.endswith("_ns") and "total" in name):
                    assert all(number >= 0 for number in numbers), (question.name, name)
    assert asked >= 40


def test_times_outside_the_recording_are_told() -> None:
    database = (
        Recording()
        .duration(100)
        # A range that was open when the recording began is as it should be.
        .range("before", -50, 20)
        .call(LAUNCH, -3, 4, kernel("k", 10, 20))
        .call(LAUNCH, 10, 11, kernel("k", 90, 130))
        .os_call("poll", 120, 140)
        .database()
    )
    assert doubts(database) == [
        ("api_calls", "early", 1, None),
        ("kernels", "late", 1, None),
        ("os_calls", "late", 1, None),
    ]


def test_a_kernel_before_its_launch_is_told() -> None:
    database = (
        Recording()
        .call(LAUNCH, 10, 12, kernel("k", 9, 20))
        .call(LAUNCH, 30, 32, kernel("k", 30, 31))
        .database()
    )
    assert doubts(database) == [("kernels", "before_launch", 1, None)]


def test_work_that_may_overlap_is_no_doubt() -> None:
    database = (
        Recording()
        # The next one is allowed to start early, and ends later; so are nodes of a graph, in any order.
        .work(kernel("first", 0, 12), kernel("second", 10, 20))
        .work(kernel("node", 30, 60, node=1), kernel("node", 35, 40, node=2))
        # Other streams and other processes are others.
        .work(kernel("long", 70, 100), kernel("short", 75, 80, stream=8))
        .work(kernel("foreign", 75, 80), pid=2)
        .database()
    )
    assert doubts(database) == []
