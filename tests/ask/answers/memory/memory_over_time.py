"""Cases of memory_over_time: the most that was in use in each part of the time."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

# In use: 50 from the start, 150 from 12, 50 from 14, 0 from 35, 20 from 75; a host's 9 from 90.
USED = (
    Recording()
    .duration(100)
    .allocated(12, 100, 8192)
    .allocated(14, 100, 8192, released=True)
    .allocated(35, 50, 64, released=True)
    .allocated(75, 20, 64)
    .allocated(90, 9, 8, memory="Pinned", pid=2)
)

CASES = [
    Case(
        "a part has the most of it: what it begins with, or what comes in it",
        traces={"a": USED},
        params={"parts": 5, "memory": "*"},
        expected=across(
            """
            trace  pid  gpu_id  memory_kind  time_ns  in_use_bytes
            a      1    0       Device       0        150
            a      1    0       Device       20       50
            a      1    0       Device       40       0
            a      1    0       Device       60       20
            a      1    0       Device       80       20
            a      1    0       GPU memory   0        150
            a      1    0       GPU memory   20       50
            a      1    0       GPU memory   40       0
            a      1    0       GPU memory   60       20
            a      1    0       GPU memory   80       20
            a      2    0       Pinned       0        0
            a      2    0       Pinned       20       0
            a      2    0       Pinned       40       0
            a      2    0       Pinned       60       0
            a      2    0       Pinned       80       9
            """
        ),
    ),
    Case(
        "a part of the time begins with what was in use then",
        traces={"a": USED},
        params={"parts": 2, "from": 20, "to": 80},
        expected=across(
            """
            trace  pid  gpu_id  memory_kind  time_ns  in_use_bytes
            a      1    0       GPU memory   20       50
            a      1    0       GPU memory   50       20
            """
        ),
    ),
]
