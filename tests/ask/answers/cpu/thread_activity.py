from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "from being put on a CPU to being taken off it, and back; what has no end is in no sum",
        traces={
            "a": Recording()
            .thread(1, "main")
            # It ran before, nobody knows since when.
            .scheduled(10, 0, on=False)
            .scheduled(30, 1, on=True)
            .scheduled(70, 1, on=False, state="Interruptible")
            .scheduled(130, 1, on=True)
            .scheduled(140, 1, on=False, state="Terminated")
            # The record between these two is lost.
            .scheduled(0, 2, on=True, tid=2)
            .scheduled(50, 2, on=True, tid=2)
            .scheduled(90, 2, on=False, tid=2),
            "b": Recording().scheduled(5, 0, on=True, pid=3, tid=9),
        },
        expected=across(
            """
            trace  pid  tid  thread  on_cpu_ns  off_cpu_ns  on_cpu_pct  runs  avg_run_ns  longest_wait_ns  migrations  cpus
            # 40 + 10, and 20 + 60: on CPU 1 after it had left 0
            a      1    1    main    50         80          500/13      2     25          60               1           1
            a      1    2    NULL    40         0           100         2     40          NULL             0           1
            b      3    9    NULL    0          0           NULL        1     NULL        NULL             0           1
            """
        ),
    ),
]
