from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

TOLD = (
    Recording()
    .duration(200)
    .process(1, "/usr/bin/python3")
    .launch(0, 5)
    .overhead("CUPTI Buffer flush", 10, 30)
    .overhead("CUPTI Buffer flush", 20, 60, tid=2)
    .overhead("TLS allocation", 100, 110, tid=2)
    .overhead("CUPTI Buffer flush", 0, 4, kind=3, cupti=True, pid=2)
)

CASES = [
    Case(
        "time in two threads adds up, and covers what at least one of them was held up for",
        traces={"a": TOLD},
        expected=across(
            """
            trace  pid  process  told_by  activity            overhead_type            instances  threads  total_ns  max_ns  covered_ns  share_pct
            # 20 + 40, from 10 to 60 of 200
            a      1    python3  nsys     CUPTI Buffer flush  NULL                     2          2        60        40      50          25
            a      1    python3  nsys     TLS allocation      NULL                     1          1        10        10      10          5
            a      2    NULL     CUPTI    CUPTI Buffer flush  Buffer flush (Profiler)  1          1        4         4       4           2
            """
        ),
    ),
    Case(
        "within a window, the share is of the window",
        traces={"a": TOLD},
        params={"from": 90, "to": 140},
        expected=across(
            """
            trace  pid  process  told_by  activity        overhead_type  instances  threads  total_ns  max_ns  covered_ns  share_pct
            a      1    python3  nsys     TLS allocation  NULL           1          1        10        10      10          20
            """
        ),
    ),
]
