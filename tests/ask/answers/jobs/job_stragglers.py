"""Cases of job_stragglers: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import BEGAN, LATER, STEPS, SUM, TOGETHER, TRAIN, rank
from made.nsys import kernel

# Between its gemm and its all-reduce, the second rank has a kernel that ends before it starts.
_ODD_STEPS = (
    (kernel("gemm", 2000, 2100), kernel("odd", 2150, 2140), kernel(SUM, 2300, 2400)),
    *STEPS[1][1:],
)

CASES = [
    Case(
        "four collectives, each late for a reason of its own",
        traces=TRAIN,
        expected=down(
            """
            job               train                    train                    train                    train
            step              0                        1                        3                        2
            range             step 0                   step 1                   step 3                   step 2
            kernel            ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  ncclDevKernel_AllReduce  ncclDevKernel_AllReduce
            communicator      0xa                      0xa                      0xa                      0xa
            ranks             2                        2                        2                        2
            start_ns          2100                     2600                     3700                     3250
            last_rank         1                        1                        1                        0
            last_trace        b                        b                        b                        a
            first_rank        0                        0                        0                        1
            late_ns           200                      150                      100                      50
            more_work_ns      0                        100                      0                        10
            slower_ns         0                        20                       90                       10
            rest_ns           200                      30                       10                       30
            launched_late_ns  1000                     1000                     1000                     -1000
            cause             host_late                more_work                slower_kernels           waited
            """
        ),
    ),
    Case(
        "the latest one, without steps",
        traces=TRAIN,
        params={"limit": 1, "step": "nothing"},
        expected=down(
            """
            job               train
            step              NULL
            range             NULL
            kernel            ncclDevKernel_AllReduce
            communicator      0xa
            ranks             2
            start_ns          2100
            last_rank         1
            last_trace        b
            first_rank        0
            late_ns           200
            more_work_ns      0
            slower_ns         0
            rest_ns           200
            launched_late_ns  1000
            cause             host_late
            """
        ),
    ),
    Case(
        "steps are counted as those of the first rank; who is not late has no row",
        traces=LATER,
        expected=down(
            """
            job               run.0
            step              2
            range             step 2
            kernel            ncclDevKernel_AllReduce
            communicator      0xa
            ranks             2
            start_ns          3000500
            last_rank         1
            last_trace        run.1
            first_rank        0
            late_ns           200
            more_work_ns      0
            slower_ns         0
            rest_ns           200
            launched_late_ns  1000
            cause             host_late
            """
        ),
    ),
    Case(
        "of one trace with two ranks; no launch was recorded",
        traces=TOGETHER,
        expected=down(
            """
            job               both                     both
            step              NULL                     NULL
            range             NULL                     NULL
            kernel            ncclDevKernel_AllReduce  ncclDevKernel_AllGather
            communicator      NULL                     NULL
            ranks             2                        2
            start_ns          50                       180
            last_rank         1                        0
            last_trace        both                     both
            first_rank        0                        1
            late_ns           20                       20
            more_work_ns      0                        0
            slower_ns         20                       0
            rest_ns           0                        20
            launched_late_ns  NULL                     NULL
            cause             slower_kernels           not_recorded
            """
        ),
    ),
    Case(
        "how long something worked that ends before it starts is not known: it is no work",
        traces={
            "a": TRAIN["a"],
            "b": rank(1, _ODD_STEPS, began=BEGAN, ahead=200, job="train", rank="1"),
        },
        params={"limit": 1, "step": "nothing"},
        expected=down(
            """
            job               train
            step              NULL
            range             NULL
            kernel            ncclDevKernel_AllReduce
            communicator      0xa
            ranks             2
            start_ns          2100
            last_rank         1
            last_trace        b
            first_rank        0
            late_ns           200
            more_work_ns      0
            slower_ns         0
            rest_ns           200
            launched_late_ns  1000
            cause             host_late
            """
        ),
    ),
]
