"""Questions about time on the GPU, on random timelines, against counting nanosecond by nanosecond."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st
from made.nsys import Recording, kernel
from nsys_oracle import ask

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

    chunks = ask(db, "gpu_time_util", threshold_pct=1e9, limit=None)
    used = sum(row["in_use_pct"] * row["duration_ns"] / 100 for row in chunks)
    assert round(used) == sum(d for _, d, _ in kernels)
