"""Cases of nvtx_kern_sum: kernels under every range around their launch."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .range("step", 0, 100)
    .range("layer", 10, 30)
    .call(LAUNCH, 12, 14, kernel("k", 110, 130, full="k<1>"))
    .range("layer", 40, 60)
    .call(LAUNCH, 45, 46, kernel("k", 130, 140, full="k<1>"), kernel("k", 150, 153, full="k<2>"))
    .call(LAUNCH, 50, 51, copy("Host-to-Device", 150, 160, 8))
    .range("request", 40, 300, style="startend", domain="lib")
    # Outside any range; of another process; launched nobody knows where.
    .call(LAUNCH, 400, 401, kernel("k", 410, 415, full="k<1>"))
    .range("step", 0, 100, pid=2, tid=3)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14, full="k<1>"), pid=2, tid=3)
    .work(kernel("k", 500, 900)),
    "b": Recording().range("lay", 0, 9).call(LAUNCH, 1, 2, kernel("sum", 10, 15)),
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

ALIKE = {
    # The same range twice around one is not another range twice, in either trace.
    "d": Recording()
    .range("x", 0, 20)
    .range("x", 1, 19)
    .range("a", 2, 18)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14))
    .range("y", 30, 50)
    .range("y", 31, 49)
    .range("a", 32, 48)
    .call(LAUNCH, 35, 36, kernel("k", 40, 46))
    # One path, of other domains: paths do not tell the ranges around.
    .range("y", 60, 80, domain="lib"),
    # No ranges were recorded.
    "e": Recording().call(LAUNCH, 1, 2, kernel("k", 5, 9)),
}

CASES = [
    Case(
        "a kernel counts for every range around its launch; outside any the range is NULL",
        traces=TWO,
        expected=across(
            """
            trace  domain  range    style     pid  tid  range_instances  instances  total_ns  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns  kernel
            a      NULL    NULL     NULL      1    1    0                1          5         5       5          5       5       NULL       5       5       k<1>
            a      ''      layer    pushpop   1    1    2                2          20 + 10   15      15         10      20      sqrt(50)   19      19.9    k<1>
            a      ''      layer    pushpop   1    1    1                1          3         3       3          3       3       NULL       3       3       k<2>
            a      ''      step     pushpop   1    1    1                2          20 + 10   15      15         10      20      sqrt(50)   19      19.9    k<1>
            a      ''      step     pushpop   1    1    1                1          3         3       3          3       3       NULL       3       3       k<2>
            a      ''      step     pushpop   2    3    1                1          4         4       4          4       4       NULL       4       4       k<1>
            a      lib     request  startend  1    1    1                1          10        10      10         10      10      NULL       10      10      k<1>
            a      lib     request  startend  1    1    1                1          3         3       3          3       3       NULL       3       3       k<2>
            b      ''      lay      pushpop   1    1    1                1          5         5       5          5       5       NULL       5       5       sum
            """
        ),
    ),
    Case(
        "ranges whose text is like the pattern, of one trace",
        traces=TWO,
        params={"trace": "a", "range": "lay??"},
        expected=across(
            """
            trace  domain  range  style    pid  tid  range_instances  instances  total_ns  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns  kernel
            a      ''      layer  pushpop  1    1    2                2          20 + 10   15      15         10      20      sqrt(50)   19      19.9    k<1>
            a      ''      layer  pushpop  1    1    1                1          3         3       3          3       3       NULL       3       3       k<2>
            """
        ),
    ),
    Case(
        "by process a range has the kernels of all threads, under the thread that launched them",
        traces=THREADS,
        params={"by": "process"},
        expected=across(
            """
            trace  domain  range        style     pid  tid  range_instances  instances  total_ns  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns  kernel
            c      NULL    NULL         NULL      1    2    0                1          4         4       4          4       4       NULL       4       4       k
            c      NULL    NULL         NULL      2    1    0                1          60        60      60         60      60      NULL       60      60      k
            c      ''      backward     pushpop   1    2    1                2          6 + 10    8       8          6       10      sqrt(8)    9.6     9.96    k
            c      ''      handed over  startend  1    2    1                2          6 + 10    8       8          6       10      sqrt(8)    9.6     9.96    k
            c      ''      step         pushpop   1    1    1                1          4         4       4          4       4       NULL       4       4       k
            c      ''      step         pushpop   1    2    1                2          6 + 10    8       8          6       10      sqrt(8)    9.6     9.96    k
            """
        ),
    ),
    Case(
        "in ranges of one text that lie in each other a kernel counts once; a trace without ranges has no rows",
        traces=ALIKE,
        expected=across(
            """
            trace  domain  range  style    pid  tid  range_instances  instances  total_ns  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns  kernel
            d      ''      a      pushpop  1    1    2                2          4 + 6     5       5          4       6       sqrt(2)    5.8     5.98    k
            d      ''      x      pushpop  1    1    2                1          4         4       4          4       4       NULL       4       4       k
            d      ''      y      pushpop  1    1    2                1          6         6       6          6       6       NULL       6       6       k
            """
        ),
    ),
    Case(
        "as nsys stats counts, its time counts for each of them, and its executions once",
        traces=ALIKE,
        params={"by_range": True},
        expected=across(
            """
            trace  domain  range  style    pid  tid  range_instances  instances  total_ns  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns  kernel
            d      ''      a      pushpop  1    1    2                2          4 + 6     5       5          4       6       sqrt(2)    5.8     5.98    k
            d      ''      x      pushpop  1    1    2                1          4 + 4     4       4          4       4       0          4       4       k
            d      ''      y      pushpop  1    1    2                1          6 + 6     6       6          6       6       0          6       6       k
            """
        ),
    ),
]
