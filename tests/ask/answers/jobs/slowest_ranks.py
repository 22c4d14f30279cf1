"""Cases of slowest_ranks: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import TRAIN

CASES = [
    Case(
        "the first collective is left out",
        traces=TRAIN,
        expected=down(
            """
            job            train  train
            place          1      2
            rank           1      0
            trace          b      a
            pid            1      1
            gpu_id         0      0
            collectives    3      3
            times_last     2      1
            late_ns        250    50
            waited_ns      50     250
            avg_waited_ns  50/3   250/3
            exchange_ns    660    650
            """
        ),
    ),
    Case(
        "all of them",
        traces=TRAIN,
        params={"skip": 0},
        expected=down(
            """
            job            train  train
            place          1      2
            rank           1      0
            trace          b      a
            pid            1      1
            gpu_id         0      0
            collectives    4      4
            times_last     3      1
            late_ns        450    50
            waited_ns      50     450
            avg_waited_ns  12.5   112.5
            exchange_ns    760    750
            """
        ),
    ),
]
