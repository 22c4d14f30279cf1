"""Cases of job_critical_path: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import TOGETHER, TRAIN

CASES = [
    Case(
        "the last rank of each sum decides, back to the sum before",
        traces=TRAIN,
        expected=down(
            """
            job           train  train                    train          train                    train  train                    train  train
            step          0      0                        1              1                        2      2                        3      3
            place         1      2                        1              2                        1      2                        1      2
            rank          1      1                        1              1                        0      0                        1      1
            trace         b      b                        b              b                        a      a                        b      b
            part          work   collective               work           collective               work   collective               work   collective
            kernel        NULL   ncclDevKernel_AllReduce  NULL           ncclDevKernel_AllReduce  NULL   ncclDevKernel_AllReduce  NULL   ncclDevKernel_AllReduce
            communicator  NULL   0xa                      NULL           0xa                      NULL   0xa                      NULL   0xa
            start_ns      2000   2300                     2400           2750                     3000   3300                     3500   3800
            duration_ns   300    100                      350            260                      300    200                      300    200
            busy_ns       100    100                      220            260                      110    200                      190    200
            path_ns       400    400                      610            610                      500    500                      500    500
            share_pct     75     25                       100 * 350/610  100 * 260/610            60     40                       60     40
            """
        ),
    ),
    Case(
        "of the longest step",
        traces=TRAIN,
        params={"limit": 1},
        expected=down(
            """
            job           train          train
            step          1              1
            place         1              2
            rank          1              1
            trace         b              b
            part          work           collective
            kernel        NULL           ncclDevKernel_AllReduce
            communicator  NULL           0xa
            start_ns      2400           2750
            duration_ns   350            260
            busy_ns       220            260
            path_ns       610            610
            share_pct     100 * 350/610  100 * 260/610
            """
        ),
    ),
    Case(
        "from rank to rank, without steps",
        traces=TOGETHER,
        expected=down(
            """
            job           both          both                     both           both
            step          NULL          NULL                     NULL           NULL
            place         1             2                        3              4
            rank          1             1                        0              0
            trace         both          both                     both           both
            part          work          collective               work           collective
            kernel        NULL          ncclDevKernel_AllReduce  NULL           ncclDevKernel_AllGather
            communicator  NULL          NULL                     NULL           NULL
            start_ns      0             70                       100            200
            duration_ns   70            30                       100            60
            busy_ns       60            30                       0              60
            path_ns       260           260                      260            260
            share_pct     100 * 70/260  100 * 30/260             100 * 100/260  100 * 60/260
            """
        ),
    ),
]
