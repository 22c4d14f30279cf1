"""Cases of kernel_durations: how long kernels take, slice by slice."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel

KERNELS = {
    "a": Recording().work(
        # Of the kernel that takes the most time: from 1000 to 1100, where the last of it starts.
        kernel("long", 1000, 1010),
        kernel("long", 1010, 1030, grid=(2, 1, 1)),
        kernel("long", 1050, 1060, device=1),
        kernel("long", 1099, 1199),
        kernel("short", 900, 903),
        kernel("short", 2000, 2005),
    ),
    "b": Recording().work(kernel("short", 7, 9)),
}

CASES = [
    Case(
        "the kernel of most time, in two slices from its first start to its last, on each GPU",
        traces=KERNELS,
        params={"slices": 2, "limit": 1},
        expected=across(
            """
            trace  kernel  gpu_id  slice  start_ns  end_ns  instances  shapes  total_ns  min_ns  median_ns  p90_ns  max_ns
            a      long    0       0      1000      1050    2          2       30        10      15         19      20
            a      long    0       1      1050      1100    1          1       100       100     100        100     100
            a      long    1       1      1050      1100    1          1       10        10      10         10      10
            # One start alone is a slice of one nanosecond.
            b      short   0       0      7         8       1          1       2         2       2          2       2
            """
        ),
    ),
    Case(
        "kernels of one trace are cut at the same times, the one of most time first",
        traces=KERNELS,
        params={"trace": "a", "slices": 2},
        expected=across(
            """
            trace  kernel  gpu_id  slice  start_ns  end_ns  instances  shapes  total_ns  min_ns  median_ns  p90_ns  max_ns
            # From 900 to 2000: 1101 ÷ 2, up to whole nanoseconds.
            a      long    0       0      900       1451    3          2       130       10      20         84      100
            a      long    1       0      900       1451    1          1       10        10      10         10      10
            a      short   0       0      900       1451    1          1       3         3       3          3       3
            a      short   0       1      1451      2002    1          1       5         5       5          5       5
            """
        ),
    ),
    Case(
        "of one kernel by its name",
        traces=KERNELS,
        params={"kernel": "sh*", "trace": "a", "slices": 1},
        expected=across(
            """
            trace  kernel  gpu_id  slice  start_ns  end_ns  instances  shapes  total_ns  min_ns  median_ns  p90_ns  max_ns
            a      short   0       0      900       2001    2          1       8         3       4          4.8     5
            """
        ),
    ),
]
