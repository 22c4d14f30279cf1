"""Cases of nvtx_gpu_proj_pace: the GPU work of one instance of a range after the other."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .range("step", 0, 10)
    .call(LAUNCH, 1, 2, kernel("k", 20, 30))
    .call(LAUNCH, 3, 4, copy("Host-to-Device", 40, 50, 8))
    # Without GPU work.
    .range("step", 20, 30)
    # Never closed, and its work starts before that of the first one ends.
    .range("step", 40, None)
    .call(LAUNCH, 41, 42, kernel("k", 45, 65))
    .range("step", 40, 60, domain="lib", pid=2)
    .call(LAUNCH, 41, 42, kernel("k", 100, 103), pid=2),
    "b": Recording().range("step", 0, 10).call(LAUNCH, 1, 2, kernel("k", 7, 8)),
}

THREADS = {
    "c": Recording()
    .range("step", 0, 50)
    .range("backward", 20, 40)
    .range("idle", 45, 50)
    .range("handed over", 10, 60, style="startend", end_tid=2)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14))
    .call(LAUNCH, 25, 26, kernel("k", 30, 36), tid=2)
    .call(LAUNCH, 30, 31, kernel("k", 34, 44), tid=2)
    # Begins in one range and ends in none.
    .call(LAUNCH, 39, 70, kernel("k", 80, 84), tid=2)
    # Of another process, and of no range of its own.
    .call(LAUNCH, 25, 26, kernel("k", 30, 90), pid=2),
}

CASES = [
    Case(
        "from first start to last end of the work; instances without any are left out, open ones are not",
        traces=TWO,
        params={"range": "step"},
        expected=across(
            """
            trace  domain  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      0         20        50      30           30                 20        20              1
            a      ''      1         45        65      20           50                 -5        15              3
            a      lib     0         100       103     3            3                  100       100             4
            b      ''      0         7         8       1            1                  7         7               1
            """
        ),
    ),
    Case(
        "of one trace",
        traces=TWO,
        params={"range": "step", "trace": "b"},
        expected=across(
            """
            trace  domain  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            b      ''      0         7         8       1            1                  7         7               1
            """
        ),
    ),
    Case(
        "by process, what all threads launched",
        traces=THREADS,
        params={"range": "backward", "by": "process"},
        expected=across(
            """
            trace  domain  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            c      ''      0         30        44      14           14                 30        30              2
            """
        ),
    ),
]
