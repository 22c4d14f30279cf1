from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "calls of one function add up over threads and processes; the share is of its own trace",
        traces={
            "a": Recording()
            .os_call("read", 0, 10)
            .os_call("read", 60, 90, tid=2)
            .os_call("poll", 0, 60, pid=2),
            "b": Recording().os_call("poll", 5, 30),
        },
        expected=across(
            """
            trace  function  calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      poll      1      60        60         60      60         60      60      NULL       60      60
            # 10 + 30 of 100; 10 and 30 are 10 from their mean: sqrt((100 + 100) / (2 - 1))
            a      read      2      10 + 30   40         20      20         10      30      sqrt(200)  28      29.8
            b      poll      1      25        100        25      25         25      25      NULL       25      25
            """
        ),
    ),
]
