"""Cases of nvtx_startend_sum: start/end ranges, which overlap freely."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

TWO = {
    "b": Recording().range("request", 0, 7, style="startend"),
    "a": Recording()
    .range("request", 0, 60, style="startend")
    # Closed by another thread; of another process.
    .range("request", 10, 40, style="startend", end_tid=2)
    .range("request", 0, 90, style="startend", pid=2)
    .range("request", 5, 25, style="startend", domain="lib")
    .range("step", 0, 500)
    .range("request", 100, None, style="startend"),
}

CASES = [
    Case(
        "whichever thread closed it; the total exceeds the time passed",
        traces=TWO,
        expected=across(
            """
            trace  domain  range       style     total_ns      share_pct  instances  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      ''      request     startend  60 + 30 + 90  90         3          60      60         30      90      30         84      89.4
            a      lib     request     startend  20            10         1          20      20         20      20      NULL       20      20
            b      ''      request     startend  7             100        1          7       7          7       7       NULL       7       7
            """
        ),
    ),
    Case(
        "of one trace",
        traces=TWO,
        params={"trace": "b"},
        expected=across(
            """
            trace  domain  range       style     total_ns  share_pct  instances  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            b      ''      request     startend  7         100        1          7       7          7       7       NULL       7       7
            """
        ),
    ),
]
