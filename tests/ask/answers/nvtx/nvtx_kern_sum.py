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

CASES = [
    Case(
        "a kernel counts for every range around its launch; outside any the range is NULL",
        traces=TWO,
        expected=across(
            """
            trace  domain  range       style     pid  tid  range_instances  instances  total_ns  avg_ns  median_ns  min_ns  max_ns  stddev_ns  kernel
            a      NULL    NULL        NULL      1    1    0                1         5         5       5          5       5       NULL       k<1>
            a      ''      layer       pushpop   1    1    2                2         20 + 10   15      15         10      20      sqrt(50)   k<1>
            a      ''      layer       pushpop   1    1    1                1         3         3       3          3       3       NULL       k<2>
            a      ''      step        pushpop   1    1    1                2         20 + 10   15      15         10      20      sqrt(50)   k<1>
            a      ''      step        pushpop   1    1    1                1         3         3       3          3       3       NULL       k<2>
            a      ''      step        pushpop   2    3    1                1         4         4       4          4       4       NULL       k<1>
            a      lib     request     startend  1    1    1                1         10        10      10         10      10      NULL       k<1>
            a      lib     request     startend  1    1    1                1         3         3       3          3       3       NULL       k<2>
            b      ''      lay         pushpop   1    1    1                1         5         5       5          5       5       NULL       sum
            """
        ),
    ),
    Case(
        "ranges whose text is like the pattern, of one trace",
        traces=TWO,
        params={"trace": "a", "range": "lay??"},
        expected=across(
            """
            trace  domain  range       style    pid  tid  range_instances  instances  total_ns  avg_ns  median_ns  min_ns  max_ns  stddev_ns  kernel
            a      ''      layer       pushpop  1    1    2                2         20 + 10   15      15         10      20      sqrt(50)   k<1>
            a      ''      layer       pushpop  1    1    1                1         3         3       3          3       3       NULL       k<2>
            """
        ),
    ),
]
