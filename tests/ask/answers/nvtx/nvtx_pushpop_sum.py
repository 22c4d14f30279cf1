"""Cases of nvtx_pushpop_sum: push/pop ranges on the CPU."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

TWO = {
    "b": Recording().range("step", 0, 7),
    "a": Recording()
    .range("step", 0, 60)
    .range("layer", 10, 30)
    .range("layer", 10, 20, pid=2)
    .range("cub", 12, 22, domain="lib")
    .range("request", 0, 900, style="startend")
    .range("step", 100, None)
    .mark("step", 70),
}

CASES = [
    Case(
        "nested ranges count more than once; ranges of the other style are no part of it",
        traces=TWO,
        expected=across(
            """
            trace  domain  range       style    total_ns  share_pct  instances  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      ''      step        pushpop  60        60         1          60      60         60      60      NULL       60      60
            a      ''      layer       pushpop  20 + 10   30         2          15      15         10      20      sqrt(50)   19      19.9
            a      lib     cub         pushpop  10        10         1          10      10         10      10      NULL       10      10
            b      ''      step        pushpop  7         100        1          7       7          7       7       NULL       7       7
            """
        ),
    ),
    Case(
        "of one trace",
        traces=TWO,
        params={"trace": "b"},
        expected=across(
            """
            trace  domain  range       style    total_ns  share_pct  instances  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            b      ''      step        pushpop  7         100        1          7       7          7       7       NULL       7       7
            """
        ),
    ),
]
