from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "events of one kind and line add up over threads; folders are left out",
        traces={
            "a": Recording()
            .openacc("Enqueue Launch", 0, 20, kind="Enqueue launch", line=20, kernel="loop_20_gpu")
            .openacc("Enqueue Launch", 30, 60, kind="Enqueue launch", line=20, kernel="loop_20_gpu", tid=2)
            .openacc("Enqueue Launch", 70, 100, kind="Enqueue launch", line=44, kernel="loop_44_gpu")
            .openacc("Enqueue Upload", 100, 120, kind="Enqueue upload", line=18, variable="a", size=64)
            .openmp("Parallel Region", 0, 1000, of="parallel", parallelId=2, parentTaskId=0)
        },
        expected=across(
            """
            trace  event           source_file  source_line  calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      Enqueue Launch  loop.c       20           2      50        50         25      25         20      30      sqrt(50)   29      29.9
            a      Enqueue Launch  loop.c       44           1      30        30         30      30         30      30      NULL       30      30
            a      Enqueue Upload  loop.c       18           1      20        20         20      20         20      20      NULL       20      20
            """
        ),
    ),
]
