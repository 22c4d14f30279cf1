"""Cases of nvtx_sum: ranges of both styles on the CPU."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

TWO = {
    "b": Recording().range("step", 0, 7),
    "a": Recording()
    .range("step", 0, 60)
    .range("layer", 10, 30)
    .range("layer", 10, 50, pid=2)
    .range("layer", 40, 50, style="startend")
    .range("layer", 40, 60, domain="lib")
    # Never closed; no range.
    .range("step", 100, None)
    .mark("step", 70),
}

CASES = [
    Case(
        "one row per text, style and domain, whichever process; open ranges and marks do not count",
        traces=TWO,
        expected=across(
            """
            trace  domain  range       style     total_ns  share_pct  instances  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      ''      layer       pushpop   20 + 40   40         2          30      30         20      40      sqrt(200)  38      39.8
            a      ''      step        pushpop   60        40         1          60      60         60      60      NULL       60      60
            a      lib     layer       pushpop   20        100/7.5    1          20      20         20      20      NULL       20      20
            a      ''      layer       startend  10        100/15     1          10      10         10      10      NULL       10      10
            b      ''      step        pushpop   7         100        1          7       7          7       7       NULL       7       7
            """
        ),
    ),
    Case(
        "of one trace; of no time, no share",
        traces={**TWO, "c": Recording().range("step", 5, 5)},
        params={"trace": "c"},
        expected=across(
            """
            trace  domain  range       style    total_ns  share_pct  instances  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            c      ''      step        pushpop  0         NULL       1          0       0          0       0       NULL       0       0
            """
        ),
    ),
]
