"""Cases of range_instances: the slowest instance of a range beside a usual one."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel, memset

LAUNCH = "cudaLaunchKernel_v7000"

STEPS = {
    "a": Recording()
    # Runs once: there is nothing to compare it with.
    .range("run", 0, 100)
    .range("step", 0, 10)
    .call(LAUNCH, 1, 2, kernel("k", 10, 20))
    .range("step", 20, 35)
    .call(LAUNCH, 21, 22, kernel("k", 30, 40))
    .call("cudaMemcpyAsync_v3020", 23, 24, copy("Host-to-Device", 45, 50, 8))
    .range("step", 40, 90)
    .call(LAUNCH, 41, 42, kernel("k", 50, 60), kernel("k", 60, 70))
    .call("cudaMemsetAsync_v3020", 43, 44, memset(100, 110, 8)),
    "b": Recording()
    .range("replay", 0, 10)
    .call("cudaGraphLaunch_v10000", 1, 2, graph(10, 20))
    .range("replay", 20, 30)
    .call("cudaGraphLaunch_v10000", 21, 22, graph(30, 70))
    .range("short", 40, 50)
    .call(LAUNCH, 41, 42, kernel("k", 80, 81))
    .range("short", 50, 60)
    .call(LAUNCH, 51, 52, kernel("k", 90, 92)),
}

THREADS = {
    "c": Recording()
    .range("step", 0, 20)
    .call(LAUNCH, 1, 2, kernel("k", 10, 14))
    .range("step", 30, 50)
    .call(LAUNCH, 31, 32, kernel("k", 40, 44))
    .call(LAUNCH, 33, 34, kernel("other", 46, 52), tid=2),
}

CASES = [
    Case(
        "what the longest of three has that the middle one has not, what differs most first",
        traces=STEPS,
        params={"trace": "a"},
        expected=across(
            """
            trace  domain  range  style    instances  slowest_start_ns  slowest_span_ns  usual_start_ns  usual_span_ns  kind    operation                     slowest_operations  usual_operations  slowest_ns  usual_ns  delta_ns  slowest_range_id  usual_range_id
            a      ''      step   pushpop  3          50                60               30              20             idle    idle                          NULL                NULL              30          5         25        4                 3
            a      ''      step   pushpop  3          50                60               30              20             kernel  k                             2                   1                 20          10        10        4                 3
            a      ''      step   pushpop  3          50                60               30              20             memset  [CUDA memset]                 1                   0                 10          0         10        4                 3
            a      ''      step   pushpop  3          50                60               30              20             memcpy  [CUDA memcpy Host-to-Device]  0                   1                 0           5         -5        4                 3
            """
        ),
    ),
    Case(
        "of two the shorter one is usual; every range that ran twice, those that lose most first",
        traces=STEPS,
        params={"trace": "b", "ranges": None},
        expected=across(
            """
            trace  domain  range   style    instances  slowest_start_ns  slowest_span_ns  usual_start_ns  usual_span_ns  kind    operation       slowest_operations  usual_operations  slowest_ns  usual_ns  delta_ns  slowest_range_id  usual_range_id
            b      ''      replay  pushpop  2          30                40               10              10             graph   [CUDA graph 1]  1                   1                 40          10        30        2                 1
            b      ''      replay  pushpop  2          30                40               10              10             idle    idle            NULL                NULL              0           0         0         2                 1
            b      ''      short   pushpop  2          90                2                80              1              kernel  k               1                   1                 2           1         1         4                 3
            b      ''      short   pushpop  2          90                2                80              1              idle    idle            NULL                NULL              0           0         0         4                 3
            """
        ),
    ),
    Case(
        "by process, with what other threads launched, and the first row of a range",
        traces=THREADS,
        params={"by": "process", "limit": 1},
        expected=across(
            """
            trace  domain  range  style    instances  slowest_start_ns  slowest_span_ns  usual_start_ns  usual_span_ns  kind    operation  slowest_operations  usual_operations  slowest_ns  usual_ns  delta_ns  slowest_range_id  usual_range_id
            c      ''      step   pushpop  2          40                12               10              4              kernel  other      1                   0                 6           0         6         2                 1
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
        params={"limit": 1},
        expected=across(
            """
            trace  domain  range  style    instances  slowest_start_ns  slowest_span_ns  usual_start_ns  usual_span_ns  kind    operation  slowest_operations  usual_operations  slowest_ns  usual_ns  delta_ns  slowest_range_id  usual_range_id
            n      ''      NULL   pushpop  2          30                6                10              4              kernel  k          1                   1                 6           4         2         2                 1
            """
        ),
    ),
]
