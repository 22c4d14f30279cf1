from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "threads add up; what has no name is there, too",
        traces={
            "a": Recording()
            .openmp("Parallel Region", 0, 60, of="parallel", parallelId=2, parentTaskId=0)
            .openmp("Implicit Barrier", 10, 20, of="sync_region", parallelId=2, taskId=1, kind=2)
            .openmp("Implicit Barrier", 10, 40, of="sync_region", parallelId=2, taskId=2, kind=2, tid=2)
            .openmp(None, 50, 50, of="mutex_released", kind=1, waitId=9, taskId=1)
        },
        expected=across(
            """
            trace  event             instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      Parallel Region   1          60        60         60      60         60      60      NULL       60      60
            a      Implicit Barrier  2          40        40         20      20         10      30      sqrt(200)  28      29.8
            a      ''                1          0         0          0       0          0       0       NULL       0       0
            """
        ),
    ),
]
