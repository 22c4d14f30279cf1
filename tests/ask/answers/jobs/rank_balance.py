"""Cases of rank_balance: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import HIDDEN, TOGETHER, TRAIN, UTC
from made.nsys import Recording, kernel

CASES = [
    Case(
        "in total, by kernel and by kind of copy",
        traces=TRAIN,
        expected=down(
            """
            job            train             train       train          train         train      train       train                    train                    train          train     train          train          train
            topic          rank              rank        rank           rank          rank       rank        kernel                   kernel                   kernel         kernel    copy           copy           copy
            name           NULL              NULL        NULL           NULL          NULL       NULL        ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  gemm           gemm      [CUDA memset]  [CUDA memset]  [CUDA memset]
            measure        communication_ns  compute_ns  kernels        memory_bytes  memory_ns  memory_ops  instances                total_ns                 instances      total_ns  instances      total_bytes    total_ns
            ranks          2                 2           2              2             2          2           2                        2                        2              2         2              2              2
            least_rank     1                 0           0              1             1          1           0                        1                        0              0         1              1              1
            least          810               400         8              0             0          0           4                        810                      4              400       0              0              0
            avg            1005              500         8.5            32            5          0.5         4                        1005                     4.5            500       0.5            32             5
            most           1200              600         9              64            10         1           4                        1200                     5              600       1              64             10
            most_rank      0                 1           1              0             0          0           0                        0                        1              1         0              0              0
            imbalance_pct  100 * 195/1005    20          100 * 0.5/8.5  100           100        100         0                        100 * 195/1005           100 * 0.5/4.5  20        100            100            100
            """
        ),
    ),
    Case(
        "memory at its peak, of the ranks whose allocations were recorded",
        traces={
            "both": Recording()
            .work(kernel("gemm", 0, 40), pid=1)
            .work(kernel("gemm", 0, 40, device=1), pid=2)
            .work(kernel("gemm", 0, 40, device=2), pid=3)
            .allocated(5, 100, 64)
            .allocated(6, 100, 64, released=True)
            .allocated(7, 80, 64)
            # What is released first was there from the start, when this rank had most.
            .allocated(5, 300, 64, device=1, pid=2, released=True)
        },
        params={"topic": "rank"},
        expected=down(
            """
            job            both              both        both                   both     both          both       both
            topic          rank              rank        rank                   rank     rank          rank       rank
            name           NULL              NULL        NULL                   NULL     NULL          NULL       NULL
            measure        communication_ns  compute_ns  gpu_memory_peak_bytes  kernels  memory_bytes  memory_ns  memory_ops
            ranks          3                 3           3                      3        3             3          3
            least_rank     0                 0           0                      0        0             0          0
            least          0                 40          100                    1        0             0          0
            avg            0                 40          200                    1        0             0          0
            most           0                 40          300                    1        0             0          0
            most_rank      0                 0           1                      0        0             0          0
            imbalance_pct  NULL              0           50                     0        NULL          NULL       NULL
            """
        ),
    ),
    Case(
        "kernels of two ranks in one trace",
        traces=TOGETHER,
        params={"topic": "kernel", "names": "short"},
        expected=down(
            """
            job            both       both      both                     both                     both                     both
            topic          kernel     kernel    kernel                   kernel                   kernel                   kernel
            name           gemm       gemm      ncclDevKernel_AllGather  ncclDevKernel_AllGather  ncclDevKernel_AllReduce  ncclDevKernel_AllReduce
            measure        instances  total_ns  instances                total_ns                 instances                total_ns
            ranks          2          2         2                        2                        2                        2
            least_rank     0          0         0                        0                        0                        1
            least          1          40        1                        60                       1                        30
            avg            1          50        1                        70                       1                        40
            most           1          60        1                        80                       1                        50
            most_rank      0          1         0                        1                        0                        0
            imbalance_pct  0          20        0                        100 * 10/70              0                        25
            """
        ),
    ),
    Case(
        "whole graphs hide kernels: who has none may have some",
        traces=HIDDEN,
        params={"topic": "kernel"},
        expected=down(
            """
            job            both           both
            topic          kernel         kernel
            name           gemm           gemm
            measure        instances      total_ns
            ranks          3              3
            least_rank     1              1
            least          1              10
            avg            1.5            40
            most           2              70
            most_rank      0              0
            imbalance_pct  100 * 0.5/1.5  75
            """
        ),
    ),
    Case(
        "a rank of no known number is not called after another one",
        traces={
            "known": Recording(job="j", rank="0").session(utc_ns=UTC).work(kernel("gemm", 0, 10)),
            "unknown": Recording(job="j").session(utc_ns=UTC + 5).work(kernel("gemm", 0, 30)),
        },
        params={"topic": "kernel"},
        expected=down(
            """
            job            j          j
            topic          kernel     kernel
            name           gemm       gemm
            measure        instances  total_ns
            ranks          2          2
            least_rank     0          0
            least          1          10
            avg            1          20
            most           1          30
            most_rank      0          NULL
            imbalance_pct  0          50
            """
        ),
    ),
]
