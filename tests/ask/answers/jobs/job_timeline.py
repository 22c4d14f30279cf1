"""Cases of job_timeline: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, across, down
from made.jobs import SUM, TOGETHER
from made.nsys import Recording, Work, kernel


def _two_at_once(device: int) -> list[Work]:
    return [
        kernel(SUM, 0, 50, device=device),
        kernel("ncclDevKernel_AllGather", 20, 50, device=device, stream=8),
        kernel("gemm", 70, 80, device=device),
        kernel("ncclDevKernel_Broadcast", 90, 100, device=device),
    ]


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
    Case(
        "what lies between collectives belongs to the one after it, whatever ends with the one before",
        traces={"both": Recording().work(*_two_at_once(0)).work(*_two_at_once(1), pid=2)},
        expected=across(
            """
            job   rank  trace  state     kernel                   communicator  start_ns  duration_ns
            both  0     both   exchange  ncclDevKernel_AllReduce  NULL          0         50
            both  0     both   exchange  ncclDevKernel_AllGather  NULL          20        30
            both  0     both   idle      ncclDevKernel_Broadcast  NULL          50        20
            both  0     both   work      ncclDevKernel_Broadcast  NULL          70        10
            both  0     both   idle      ncclDevKernel_Broadcast  NULL          80        10
            both  0     both   exchange  ncclDevKernel_Broadcast  NULL          90        10
            both  1     both   exchange  ncclDevKernel_AllReduce  NULL          0         50
            both  1     both   exchange  ncclDevKernel_AllGather  NULL          20        30
            both  1     both   idle      ncclDevKernel_Broadcast  NULL          50        20
            both  1     both   work      ncclDevKernel_Broadcast  NULL          70        10
            both  1     both   idle      ncclDevKernel_Broadcast  NULL          80        10
            both  1     both   exchange  ncclDevKernel_Broadcast  NULL          90        10
            """
        ),
    ),
]
