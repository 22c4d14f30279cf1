"""Cases of range_percentiles: how long the instances of a range take."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"

STEPS = {
    "a": Recording()
    .range("step", 0, 10)
    .call(LAUNCH, 1, 2, kernel("k", 10, 20))
    .range("step", 20, 35)
    .call(LAUNCH, 21, 22, kernel("k", 30, 40), kernel("k", 45, 50))
    .range("step", 40, 90)
    .call(LAUNCH, 41, 42, kernel("k", 50, 110))
    # Without GPU work.
    .range("idle", 95, 99)
    # Never closed.
    .range("rest", 200, None, domain="lib")
    .call(LAUNCH, 201, 202, kernel("k", 210, 215)),
    # Two that take as long: the first one is the slowest.
    "b": Recording()
    .range("step", 0, 10)
    .call(LAUNCH, 1, 2, kernel("k", 10, 20))
    .range("step", 20, 30)
    .call(LAUNCH, 21, 22, kernel("k", 30, 40)),
}

THREADS = {
    "c": Recording()
    .range("step", 0, 50)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14))
    .call(LAUNCH, 25, 26, kernel("k", 30, 36), tid=2),
}

CASES = [
    Case(
        "on the GPU, from the first start to the last end of what a range launched",
        traces=STEPS,
        expected=across(
            """
            trace  domain  range  style    instances  total_ns  min_ns  median_ns  p90_ns  p99_ns  max_ns  tail_ns  max_start_ns  range_id
            # Of 10, 20 and 60: a tenth below the last is a fifth of the way from 60 to 20.
            a      ''      step   pushpop  3          90        10      20         52      59.2    60      40              50            3
            a      lib     rest   pushpop  1          5         5       5          5       5       5       0               210           5
            b      ''      step   pushpop  2          20        10      10         10      10      10      0               10            1
            """
        ),
    ),
    Case(
        "on the CPU, of ranges that were closed",
        traces=STEPS,
        params={"clock": "host", "trace": "a"},
        expected=across(
            """
            trace  domain  range  style    instances  total_ns  min_ns  median_ns  p90_ns  p99_ns  max_ns  tail_ns  max_start_ns  range_id
            # Of 10, 15 and 50.
            a      ''      step   pushpop  3          75        10      15         43      49.3    50      35              40            3
            a      ''      idle   pushpop  1          4         4       4          4       4       4       0               95            4
            """
        ),
    ),
    Case(
        "the first of each trace, and of one name",
        traces=STEPS,
        params={"range": "*e*", "limit": 1, "trace": "a"},
        expected=across(
            """
            trace  domain  range  style    instances  total_ns  min_ns  median_ns  p90_ns  p99_ns  max_ns  tail_ns  max_start_ns  range_id
            a      ''      step   pushpop  3          90        10      20         52      59.2    60      40              50            3
            """
        ),
    ),
    Case(
        "by process, with what other threads launched",
        traces=THREADS,
        params={"by": "process"},
        expected=across(
            """
            trace  domain  range  style    instances  total_ns  min_ns  median_ns  p90_ns  p99_ns  max_ns  tail_ns  max_start_ns  range_id
            c      ''      step   pushpop  1          26        26      26         26      26      26      0               10            1
            """
        ),
    ),
    Case(
        "ranges without a text are of one kind",
        traces={
            "n": Recording()
            .range(None, 0, 10)
            .call("cudaLaunchKernel", 1, 2, kernel("k", 10, 14))
            .range(None, 20, 30)
            .call("cudaLaunchKernel", 21, 22, kernel("k", 30, 36))
        },
        expected=across(
            """
            trace  domain  range  style    instances  total_ns  min_ns  median_ns  p90_ns  p99_ns  max_ns  tail_ns  max_start_ns  range_id
            n      ''      NULL   pushpop  2          10        4       5          5.8     5.98    6       1        30            2
            """
        ),
    ),
]
