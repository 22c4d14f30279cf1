"""Cases of job_summary: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import LACKING, LATER, TOGETHER, TRAIN, UNRECORDED, UNTAGGED

CASES = [
    Case(
        "tags tell the job and its ranks; the clocks are set by the ends of the sums",
        traces=TRAIN,
        expected=down(
            """
            job                 train        train
            job_known_by        tag          tag
            rank                0            1
            rank_known_by       tag          tag
            trace               a            b
            pid                 1            1
            host                0            1
            gpu_id              0            0
            gpu                 NVIDIA H200  NVIDIA H200
            communicator_ranks  4            4
            clock_known_by      NULL         communicator
            start_ns            2000         2000
            span_ns             2000         2000
            kernels             8            9
            gpu_busy_ns         1610         1410
            work_ns             1160         1360
            waiting_ns          450          50
            idle_ns             390          590
            collectives         4            4
            alone               0            0
            finding             NULL         NULL
            """
        ),
    ),
    Case(
        "without tags, traces that share a communicator are of one job, and it tells the ranks",
        traces=UNTAGGED,
        params={"trace": "*"},
        expected=down(
            """
            job                 x             x
            job_known_by        communicator  communicator
            rank                0             1
            rank_known_by       communicator  communicator
            trace               x             y
            pid                 1             1
            host                0             1
            gpu_id              0             0
            gpu                 NVIDIA H200   NVIDIA H200
            communicator_ranks  2             2
            clock_known_by      NULL          communicator
            start_ns            2000          2000
            span_ns             2000          2000
            kernels             8             9
            gpu_busy_ns         1610          1410
            work_ns             1160          1360
            waiting_ns          450           50
            idle_ns             390           590
            collectives         4             4
            alone               0             0
            finding             NULL          NULL
            """
        ),
    ),
    Case(
        "names that differ in a number alone tell ranks where NCCL does not",
        traces=LATER,
        expected=down(
            """
            job                 run.0         run.0
            job_known_by        communicator  communicator
            rank                0             1
            rank_known_by       name          name
            trace               run.0         run.1
            pid                 1             1
            host                0             1
            gpu_id              0             0
            gpu                 NVIDIA H200   NVIDIA H200
            communicator_ranks  NULL          NULL
            clock_known_by      NULL          communicator
            start_ns            1000000       2000000
            span_ns             2000900       1000900
            kernels             6             4
            gpu_busy_ns         2700          1600
            work_ns             2500          1600
            waiting_ns          200           0
            idle_ns             1998200       999300
            collectives         2             2
            alone               1             0
            finding             NULL          NULL
            """
        ),
    ),
    Case(
        "one trace holds several ranks, in the order of processes",
        traces=TOGETHER,
        expected=down(
            """
            job                 both   both
            job_known_by        alone  alone
            rank                0      1
            rank_known_by       order  order
            trace               both   both
            pid                 1      2
            host                NULL   NULL
            gpu_id              0      1
            gpu                 NULL   NULL
            communicator_ranks  NULL   NULL
            clock_known_by      NULL   NULL
            start_ns            0      0
            span_ns             260    260
            kernels             3      3
            gpu_busy_ns         150    170
            work_ns             130    150
            waiting_ns          20     20
            idle_ns             110    90
            collectives         2      2
            alone               0      0
            finding             NULL   NULL
            """
        ),
    ),
    Case(
        "what is missing is said",
        traces=LACKING,
        expected=down(
            """
            job                 alone  eval   eval                                  eval                                  eval
            job_known_by        alone  tag    tag                                   tag                                   tag
            rank                0      0      1                                     1                                     NULL
            rank_known_by       order  tag    tag                                   tag                                   NULL
            trace               alone  first  by utc                                no utc                                idle
            pid                 1      1      1                                     1                                     NULL
            host                NULL   NULL   NULL                                  NULL                                  NULL
            gpu_id              0      0      0                                     0                                     NULL
            gpu                 NULL   NULL   NULL                                  NULL                                  NULL
            communicator_ranks  NULL   NULL   NULL                                  NULL                                  NULL
            clock_known_by      NULL   NULL   UTC                                   NULL                                  UTC
            start_ns            3      0      75                                    NULL                                  NULL
            span_ns             1      10     5                                     2                                     NULL
            kernels             1      1      1                                     1                                     0
            gpu_busy_ns         1      10     5                                     2                                     0
            work_ns             1      10     5                                     2                                     0
            waiting_ns          0      0      0                                     0                                     0
            idle_ns             0      0      0                                     0                                     NULL
            collectives         0      0      0                                     0                                     0
            alone               0      0      0                                     0                                     0
            finding             NULL   NULL   rank given twice; clock by UTC alone  rank given twice; no clock in common  no GPU work; rank not known; clock by UTC alone
            """
        ),
    ),
    Case(
        "of a rank whose GPU work was not recorded no number is known: none is no 0",
        traces=UNRECORDED,
        expected=down(
            """
            job                 part  part  part
            job_known_by        tag   tag   tag
            rank                0     1     2
            rank_known_by       tag   tag   tag
            trace               all   host  none
            pid                 1     NULL  NULL
            host                NULL  NULL  NULL
            gpu_id              0     NULL  NULL
            gpu                 NULL  NULL  NULL
            communicator_ranks  NULL  NULL  NULL
            clock_known_by      NULL  UTC   UTC
            start_ns            0     NULL  NULL
            span_ns             10    NULL  NULL
            kernels             1     NULL  0
            gpu_busy_ns         10    NULL  0
            work_ns             10    NULL  0
            waiting_ns          0     NULL  0
            idle_ns             0     NULL  NULL
            collectives         0     NULL  0
            alone               1     NULL  0
            finding             NULL  GPU work not recorded; clock by UTC alone  no GPU work; clock by UTC alone
            """
        ),
    ),
]
