"""Cases of memory_peaks: most that was in use while ranges ran."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

# In use: 100 from 5, 300 from 15 to 20, 350 from 45, 250 from 50.
USED = (
    Recording()
    .duration(100)
    .range("step", 10, 30)
    .range("step", 40, 60)
    .range("load", 42, 48)
    .range("step", 40, 60, pid=2)
    .allocated(5, 100, 64)
    .allocated(15, 200, 128)
    .allocated(20, 200, 128, released=True)
    .allocated(45, 250, 256)
    .allocated(50, 100, 64, released=True)
)

CASES = [
    Case(
        "the peak of a range is the most during one of its instances, which begins with what was there",
        traces={"a": USED},
        expected=across(
            """
            trace  range  pid  gpu_id  memory_kind  instances  peak_bytes  peak_ns  start_bytes  grown_bytes  mean_peak_bytes  kept_bytes
            a      load   1    0       GPU memory   1          350         45       100          250          350              250
            # 0 left by the first, 150 by the second
            a      step   1    0       GPU memory   2          350         45       100          250          325              150
            """
        ),
    ),
    Case(
        "a range in which nothing is allocated has what was in use when it began",
        traces={"a": USED},
        params={"range": "step", "memory": "Device", "limit": 1, "to": 35},
        expected=across(
            """
            trace  range  pid  gpu_id  memory_kind  instances  peak_bytes  peak_ns  start_bytes  grown_bytes  mean_peak_bytes  kept_bytes
            a      step   1    0       Device       1          300         15       100          200          300              0
            """
        ),
    ),
    Case(
        "ranges without a text are of one kind",
        traces={"n": Recording().duration(100).range(None, 10, 20).allocated(15, 200, 128)},
        params={"memory": "Device"},
        expected=across(
            """
            trace  range  pid  gpu_id  memory_kind  instances  peak_bytes  peak_ns  start_bytes  grown_bytes  mean_peak_bytes  kept_bytes
            n      NULL   1    0       Device       1          200         15       0            200          200              200
            """
        ),
    ),
]
