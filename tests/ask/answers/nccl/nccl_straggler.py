"""Cases of nccl_straggler: who begins a collective last, and who waits."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel

REDUCE, SEND = "ncclAllReduce", "NCCL_Send"

CASES = [
    Case(
        "ranks are processes and devices; the n-th run of a kernel is one collective, if every rank has it",
        traces={
            "a": Recording()
            # Two collectives of three ranks; a third that only one has.
            .work(kernel(REDUCE, 0, 50), kernel(REDUCE, 100, 130), kernel(REDUCE, 300, 900))
            .work(kernel(REDUCE, 10, 50, device=1), kernel(REDUCE, 100, 130, device=1))
            .work(kernel(REDUCE, 30, 50), kernel(REDUCE, 120, 130), pid=2)
            # Of one rank alone: nobody to wait for. Computation is no collective.
            .work(kernel("ncclBroadcast", 0, 10))
            .work(kernel("gemm", 0, 10), kernel("gemm", 5, 10, device=1)),
            # Ranks of two traces have two clocks.
            "b": Recording().work(kernel(REDUCE, 0, 10)),
        },
        expected=across(
            """
            trace  kernel         pid  device_id  collectives  times_last  late_ns  max_late_ns  waited_ns  waited_pct
            a      ncclAllReduce  2    0          2            2           30 + 20  30           0          0
            a      ncclAllReduce  1    1          2            0           10 + 0   10           20 + 20    100 * 40 / 70
            a      ncclAllReduce  1    0          2            0           0        0            30 + 20    100 * 50 / 80
            """
        ),
    ),
    Case(
        "one kernel of one trace; ranks that begin together are all last",
        traces={
            "a": Recording().work(kernel(REDUCE, 0, 10), kernel(REDUCE, 5, 10, device=1)),
            "b": Recording()
            .work(kernel(SEND, 7, 11), kernel(SEND, 7, 9, device=1))
            .work(kernel(REDUCE, 0, 10), kernel(REDUCE, 5, 10, device=1)),
        },
        params={"trace": "b", "communication": "%send"},
        expected=across(
            """
            trace  kernel     pid  device_id  collectives  times_last  late_ns  max_late_ns  waited_ns  waited_pct
            b      NCCL_Send  1    0          1            1           0        0            0          0
            b      NCCL_Send  1    1          1            1           0        0            0          0
            """
        ),
    ),
    Case(
        "late and waiting times add up over the collectives, of which each rank is last in one",
        traces={
            "a": Recording()
            .work(kernel(REDUCE, 100, 200), kernel(REDUCE, 310, 400))
            .work(kernel(REDUCE, 140, 200, device=1), kernel(REDUCE, 300, 400, device=1), pid=2),
        },
        expected=across(
            """
            trace  kernel         pid  device_id  collectives  times_last  late_ns  max_late_ns  waited_ns  waited_pct
            a      ncclAllReduce  2    1          2            1           40       40           10         100 * 10 / (60 + 100)
            a      ncclAllReduce  1    0          2            1           10       10           40         100 * 40 / (100 + 90)
            """
        ),
    ),
]
