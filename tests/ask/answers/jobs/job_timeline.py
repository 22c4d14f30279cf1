"""Cases of job_timeline: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import TOGETHER

CASES = [
    Case(
        "work, idle time, waiting and exchange from collective to collective",
        traces=TOGETHER,
        expected=down(
            """
            job           both                     both                     both                     both                     both                     both                     both                     both                     both                     both                     both                     both
            rank          0                        0                        0                        0                        0                        0                        1                        1                        1                        1                        1                        1
            trace         both                     both                     both                     both                     both                     both                     both                     both                     both                     both                     both                     both
            state         work                     idle                     waiting                  exchange                 idle                     exchange                 work                     idle                     exchange                 idle                     waiting                  exchange
            kernel        ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  ncclDevKernel_AllGather  ncclDevKernel_AllGather  ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  ncclDevKernel_AllGather  ncclDevKernel_AllGather  ncclDevKernel_AllGather
            communicator  NULL                     NULL                     NULL                     NULL                     NULL                     NULL                     NULL                     NULL                     NULL                     NULL                     NULL                     NULL
            start_ns      0                        40                       50                       70                       100                      200                      0                        60                       70                       100                      180                      200
            duration_ns   40                       10                       20                       30                       100                      60                       60                       10                       30                       80                       20                       60
            """
        ),
    ),
    Case(
        "the longest stretches",
        traces=TOGETHER,
        params={"limit": 2},
        expected=down(
            """
            job           both                     both
            rank          0                        1
            trace         both                     both
            state         idle                     idle
            kernel        ncclDevKernel_AllGather  ncclDevKernel_AllGather
            communicator  NULL                     NULL
            start_ns      100                      100
            duration_ns   100                      80
            """
        ),
    ),
]
