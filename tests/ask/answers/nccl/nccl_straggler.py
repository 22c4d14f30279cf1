"""Cases of nccl_straggler: who begins a collective last, and who waits."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel

REDUCE, SEND = "ncclAllReduce", "NCCL_Send"
MS = 1_000_000

# Two pairs of GPUs, the second one 5 ms behind the first.
PAIRS = Recording()
# Rank 0 comes 1 ms late to every collective, and rank 1's recording lacks the first one.
LATE = Recording().work(kernel(REDUCE, 1 * MS, 2 * MS))
for step in range(3):
    at = 20 * MS * step
    for rank, later in enumerate((0, 0, 5 * MS, 5 * MS)):
        PAIRS.work(kernel(REDUCE, at + later, at + later + MS, device=rank), pid=rank + 1)
    LATE.work(kernel(REDUCE, at + 21 * MS, at + 22 * MS))
    LATE.work(kernel(REDUCE, at + 20 * MS, at + 22 * MS, device=1), pid=2)

# Two communicators on the same GPUs, whose kernels have one name and run at the same time.
GROUPS = Recording()
for rank, late in ((1, 0), (2, 30)):
    GROUPS.nccl(REDUCE, 10, 20, kernel(REDUCE, 100 + late, 200), pid=rank, communicator=0xA)
    GROUPS.nccl(REDUCE, 30, 40, kernel(REDUCE, 190 - late, 260, stream=9), pid=rank, communicator=0xB)

UTC = 1_700_000_000_000_000_000
STARTS = (100_000, 300_000, 700_000, 1_000_000)
# Two hosts: the recording of the second one begins 50,000 ns later, and its clock is 7,000 ns ahead.
HOSTS = {
    "first": Recording().session(utc_ns=UTC).work(*(kernel(REDUCE, at, at + 400) for at in STARTS), pid=9),
    "second": Recording()
    .session(utc_ns=UTC + 50_000)
    .work(
        *(
            kernel(REDUCE, at + late - 43_000, at + 400 - 43_000)
            for at, late in zip(STARTS, (300, 100, 0, 100), strict=True)
        ),
        pid=9,
    ),
}
# The same recording as an export of it, and one without a clock.
AGAIN = {
    **HOSTS,
    "exported": HOSTS["second"],
    "no clock": Recording().work(*(kernel(REDUCE, at, at + 400) for at in STARTS), pid=9),
}
# One function, two kernels; both of them on two ranks.
RING, TREE = "void ncclReduce<Ring>(int)", "void ncclReduce<Tree>(int)"
NAMED = Recording().work(
    kernel("ncclReduce", 0, 10, full=RING), kernel("ncclReduce", 4, 10, full=TREE, device=1)
)
TWICE = (
    Recording()
    .work(kernel("ncclReduce", 0, 10, full=RING), kernel("ncclReduce", 4, 10, full=RING, device=1))
    .work(kernel("ncclReduce", 20, 30, full=TREE), kernel("ncclReduce", 22, 30, full=TREE, device=1))
)

CASES = [
    Case(
        "ranks are processes and devices; runs of one name at the same time are one collective",
        traces={
            "a": Recording()
            # Two collectives of three ranks; a third that only one has.
            .work(kernel(REDUCE, 0, 50), kernel(REDUCE, 100, 130), kernel(REDUCE, 300, 900))
            .work(kernel(REDUCE, 10, 50, device=1), kernel(REDUCE, 100, 130, device=1))
            .work(kernel(REDUCE, 30, 50), kernel(REDUCE, 120, 130), pid=2)
            # Of one rank alone: nobody to wait for. Computation is no collective.
            .work(kernel("ncclBroadcast", 0, 10))
            .work(kernel("gemm", 0, 10), kernel("gemm", 5, 10, device=1)),
            # Not known to be of the same job.
            "b": Recording().work(kernel(REDUCE, 0, 10)),
        },
        expected=across(
            """
            trace  kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct    clock_offset_ns
            a      ncclAllReduce  NULL          2    0          2            0      2           30 + 20  25              30           0          0             0
            a      ncclAllReduce  NULL          1    1          2            0      0           10 + 0   5               10           20 + 20    100 * 40 / 70  0
            a      ncclAllReduce  NULL          1    0          2            1      0           0        0               0            30 + 20    100 * 50 / 80  0
            """
        ),
    ),
    Case(
        "one kernel of one trace, in any case; ranks that begin together are all last",
        traces={
            "a": Recording().work(kernel(REDUCE, 0, 10), kernel(REDUCE, 5, 10, device=1)),
            "b": Recording()
            .work(kernel(SEND, 7, 11), kernel(SEND, 7, 9, device=1))
            .work(kernel(REDUCE, 0, 10), kernel(REDUCE, 5, 10, device=1)),
        },
        params={"trace": "b", "communication": "%send"},
        expected=across(
            """
            trace  kernel     communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct  clock_offset_ns
            b      NCCL_Send  NULL          1    0          1            0      1           0        0               0            0          0           0
            b      NCCL_Send  NULL          1    1          1            0      1           0        0               0            0          0           0
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
            trace  kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct             clock_offset_ns
            a      ncclAllReduce  NULL          2    1          2            0      1           40       20              40           10         100 * 10 / (60 + 100)  0
            a      ncclAllReduce  NULL          1    0          2            0      1           10       5               10           40         100 * 40 / (100 + 90)  0
            """
        ),
    ),
    Case(
        "of two pairs of GPUs, nobody waits for the other pair",
        traces={"pairs": PAIRS},
        expected=across(
            """
            trace  kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct  clock_offset_ns
            pairs  ncclAllReduce  NULL          1    0          3            0      3           0        0               0            0          0           0
            pairs  ncclAllReduce  NULL          2    1          3            0      3           0        0               0            0          0           0
            pairs  ncclAllReduce  NULL          3    2          3            0      3           0        0               0            0          0           0
            pairs  ncclAllReduce  NULL          4    3          3            0      3           0        0               0            0          0           0
            """
        ),
    ),
    Case(
        "a run that one rank alone has recorded shifts nothing, and nobody waits for longer than the kernel runs",
        traces={"late": LATE},
        expected=across(
            """
            trace  kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct  clock_offset_ns
            late   ncclAllReduce  NULL          1    0          3            1      3           3000000  1000000         1000000      0          0           0
            late   ncclAllReduce  NULL          2    1          3            0      0           0        0               0            3000000    50          0
            """
        ),
    ),
    Case(
        "so it is without a pause between collectives: one rank is still in one when another begins the next",
        traces={
            "dense": Recording()
            .work(kernel(REDUCE, 0, 100), kernel(REDUCE, 101, 200), kernel(REDUCE, 201, 300))
            .work(kernel(REDUCE, 40, 102, device=1), kernel(REDUCE, 110, 202, device=1))
            .work(kernel(REDUCE, 205, 302, device=1))
            # Recorded from the second one on.
            .work(kernel(REDUCE, 104, 203, device=2), kernel(REDUCE, 206, 303, device=2))
        },
        expected=across(
            """
            trace  kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns    median_late_ns  max_late_ns  waited_ns  waited_pct     clock_offset_ns
            dense  ncclAllReduce  NULL          1    1          3            0      2           40 + 9 + 4  9              40           0 + 0 + 1  100 * 1 / 251  0
            dense  ncclAllReduce  NULL          1    2          2            0      1           3 + 5      4               5            6 + 0      100 * 6 / 196  0
            dense  ncclAllReduce  NULL          1    0          3            0      0           0          0               0            40 + 9 + 5  100 * 54 / 298  0
            """
        ),
    ),
    Case(
        "in the first collective one waits for the other to start up: the median leaves that apart",
        traces={
            "start": Recording()
            .work(kernel(REDUCE, 1, 17_020), kernel(REDUCE, 17_100, 17_114), kernel(REDUCE, 17_200, 17_214))
            .work(kernel(REDUCE, 17_001, 17_020, device=1), pid=2)
            .work(kernel(REDUCE, 17_100, 17_114, device=1), kernel(REDUCE, 17_200, 17_214, device=1), pid=2)
        },
        expected=across(
            """
            trace  kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct           clock_offset_ns
            start  ncclAllReduce  NULL          2    1          3            0      3           17000    0               17000        0          0                    0
            start  ncclAllReduce  NULL          1    0          3            0      2           0        0               0            17000      100 * 17000 / 17047  0
            """
        ),
    ),
    Case(
        "collectives of two communicators that run side by side are told apart by what NCCL says",
        traces={"groups": GROUPS},
        expected=across(
            """
            trace   kernel         communicator        pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct    clock_offset_ns
            groups  ncclAllReduce  0xa                 2    0          1            0      1           30       30              30           0          0             0
            groups  ncclAllReduce  0xa                 1    0          1            0      0           0        0               0            30         30            0
            groups  ncclAllReduce  0xb                 1    0          1            0      1           30       30              30           0          0             0
            groups  ncclAllReduce  0xb                 2    0          1            0      0           0        0               0            30         30            0
            """
        ),
    ),
    Case(
        "reports of two hosts are set to one clock by the ends of collectives; what is there twice counts once",
        traces=AGAIN,
        expected=across(
            """
            trace   kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct        clock_offset_ns
            first   ncclAllReduce  NULL          9    0          4            0      1           0        0               0            500        100 * 500 / 1600  0
            second  ncclAllReduce  NULL          9    0          4            0      4           500      100             300          0          0                 7000
            """
        ),
    ),
    Case(
        "of one of these traces alone, there is nobody to wait for",
        traces=HOSTS,
        params={"trace": "second"},
        expected=across(
            """
            trace   kernel         communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct        clock_offset_ns
            """
        ),
    ),
    Case(
        "ranks that run other kernels of one function are in one collective, and apart by their full names",
        traces={"named": NAMED},
        params={"names": "full"},
        expected=across(
            """
            trace  kernel                      communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct    clock_offset_ns
            named  void ncclReduce<Ring>(int)  NULL          1    0          1            0      0           0        0               0            4          100 * 4 / 10  0
            named  void ncclReduce<Tree>(int)  NULL          1    1          1            0      1           4        4               4            0          0             0
            """
        ),
    ),
    Case(
        "their names are those of the function, as NVIDIA prints them",
        traces={"named": NAMED},
        expected=across(
            """
            trace  kernel      communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct    clock_offset_ns
            named  ncclReduce  NULL          1    1          1            0      1           4        4               4            0          0             0
            named  ncclReduce  NULL          1    0          1            0      0           0        0               0            4          100 * 4 / 10  0
            """
        ),
    ),
    Case(
        "a pattern is compared with distinct names, too",
        traces={"named": TWICE},
        params={"names": "distinct", "communication": "*<TREE>"},
        expected=across(
            """
            trace  kernel            communicator  pid  device_id  collectives  alone  times_last  late_ns  median_late_ns  max_late_ns  waited_ns  waited_pct    clock_offset_ns
            named  ncclReduce<Tree>  NULL          1    1          1            0      1           2        2               2            0          0             0
            named  ncclReduce<Tree>  NULL          1    0          1            0      0           0        0               0            2          100 * 2 / 10  0
            """
        ),
    ),
]
