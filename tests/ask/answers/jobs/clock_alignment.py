"""Cases of clock_alignment: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import DRIFTING, LACKING, TRAIN, UNRECORDED

CASES = [
    Case(
        "the second clock is 200 ns ahead of UTC; ends are 0, 10, 0 and 0 ns apart",
        traces=TRAIN,
        expected=down(
            """
            job                 train  train
            trace               a      b
            clock_known_by      NULL   communicator
            start_ns            0      1000
            clock_offset_ns     0      200
            collectives         0      4
            median_residual_ns  NULL   0
            p90_residual_ns     NULL   7
            max_residual_ns     NULL   10
            drift_ns_per_s      NULL   NULL
            """
        ),
    ),
    Case(
        "a clock that goes on by 20 ns in a second",
        traces=DRIFTING,
        expected=down(
            """
            job                 slow             slow
            trace               drifting         steady
            clock_known_by      ends             NULL
            start_ns            -20              0
            clock_offset_ns     21               0
            collectives         3                0
            median_residual_ns  20               NULL
            p90_residual_ns     20               NULL
            max_residual_ns     20               NULL
            drift_ns_per_s      20 / 1.00000002  NULL
            """
        ),
    ),
    Case(
        "of one tag, by UTC alone, or not at all",
        traces=LACKING,
        expected=down(
            """
            job                 eval    eval   eval  eval
            trace               by utc  first  idle  no utc
            clock_known_by      UTC     NULL   UTC   NULL
            start_ns            70      0      80    NULL
            clock_offset_ns     0       0      0     NULL
            collectives         0       0      0     0
            median_residual_ns  NULL    NULL   NULL  NULL
            p90_residual_ns     NULL    NULL   NULL  NULL
            max_residual_ns     NULL    NULL   NULL  NULL
            drift_ns_per_s      NULL    NULL   NULL  NULL
            """
        ),
    ),
    Case(
        "which collectives a trace shares whose kernels were not recorded is not known",
        traces=UNRECORDED,
        expected=down(
            """
            job                 part  part  part
            trace               all   host  none
            clock_known_by      NULL  UTC   UTC
            start_ns            0     70    80
            clock_offset_ns     0     0     0
            collectives         0     NULL  0
            median_residual_ns  NULL  NULL  NULL
            p90_residual_ns     NULL  NULL  NULL
            max_residual_ns     NULL  NULL  NULL
            drift_ns_per_s      NULL  NULL  NULL
            """
        ),
    ),
]
