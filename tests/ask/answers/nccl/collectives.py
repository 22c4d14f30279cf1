"""Cases of collectives: which runs belong together, who was waited for, how fast the data moved."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording, kernel

REDUCE, GATHER = "ncclAllReduce", "ncclAllGather"
UTC = 1_700_000_000_000_000_000
MB = 1_000_000

# Rank 1 comes 20 ns late to a sum of 1 MB, rank 0 10 ns late to a collective without a payload.
TWO = (
    Recording()
    .nccl(REDUCE, 0, 5, kernel(REDUCE, 100, 200), communicator=0xA, size=MB, reduction=0)
    .nccl(REDUCE, 0, 5, kernel(REDUCE, 120, 220, device=1), pid=2, communicator=0xA, size=MB, reduction=0)
    .work(kernel(GATHER, 310, 350))
    .work(kernel(GATHER, 300, 352, device=1), pid=2)
)
# Two hosts that share one collective of a communicator, and nothing else; the second clock is 30,000 ns behind.
JOB = {
    "host0": Recording()
    .session(utc_ns=UTC)
    .nccl(GATHER, 0, 5, kernel(GATHER, 50_000, 51_000), communicator=0xB, size=500)
    .nccl(GATHER, 9, 15, kernel(GATHER, 70_000, 71_000), communicator=0xC, size=500),
    "host1": Recording()
    .session(utc_ns=UTC - 10_000)
    .nccl(GATHER, 0, 5, kernel(GATHER, 30_600, 31_000), communicator=0xB, size=500),
    # At the same time, but of another job: like kernels do not end together.
    "stranger": Recording()
    .session(utc_ns=UTC + 1)
    .work(*(kernel(GATHER, at, at + 60_000) for at in (1_000_000, 3_000_000, 9_000_000, 11_000_000))),
    "stranger's other rank": Recording()
    .session(utc_ns=UTC + 2)
    .work(*(kernel(GATHER, at, at + 60_000) for at in (1_100_000, 4_000_000, 9_500_000, 13_000_000))),
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
        "of runs at the same time, with what NCCL said about them; the longest wait comes first",
        traces={"two": TWO},
        expected=down(
            """
            trace                two                  two
            kernel               ncclAllReduce        ncclAllGather
            function             ncclAllReduce        NULL
            communicator         0xa                  NULL
            message_bytes        1000000              NULL
            reduction            Sum                  NULL
            ranks                2                    2
            traces               1                    1
            start_ns             100                  300
            duration_ns          120                  52
            wait_ns              20                   10
            together_ns          100                  42
            bytes_per_s          1e9 * 1000000 / 100  NULL
            last_trace           two                  two
            last_pid             2                    1
            last_device_id       1                    0
            max_clock_offset_ns  0                    0
            """
        ),
    ),
    Case(
        "of kernels of a name, so many of each job",
        traces={"two": TWO, "again": TWO},
        params={"communication": "%gather", "limit": 1, "trace": "again"},
        expected=down(
            """
            trace                again
            kernel               ncclAllGather
            function             NULL
            communicator         NULL
            message_bytes        NULL
            reduction            NULL
            ranks                2
            traces               1
            start_ns             300
            duration_ns          52
            wait_ns              10
            together_ns          42
            bytes_per_s          NULL
            last_trace           again
            last_pid             1
            last_device_id       0
            max_clock_offset_ns  0
            """
        ),
    ),
    Case(
        "traces that share a communicator are of one job; times are on the clock of its first trace",
        traces=JOB,
        expected=down(
            """
            trace                host0
            kernel               ncclAllGather
            function             ncclAllGather
            communicator         0xb
            message_bytes        500
            reduction            NULL
            ranks                2
            traces               2
            start_ns             50000
            duration_ns          1000
            wait_ns              600
            together_ns          400
            bytes_per_s          1e9 * 500 / 400
            last_trace           host1
            last_pid             1
            last_device_id       0
            max_clock_offset_ns  -30000
            """
        ),
    ),
    Case(
        "the shorter waits are those that the limit leaves out",
        traces={"two": TWO},
        params={"limit": 1},
        expected=down(
            """
            trace                two
            kernel               ncclAllReduce
            function             ncclAllReduce
            communicator         0xa
            message_bytes        1000000
            reduction            Sum
            ranks                2
            traces               1
            start_ns             100
            duration_ns          120
            wait_ns              20
            together_ns          100
            bytes_per_s          1e9 * 1000000 / 100
            last_trace           two
            last_pid             2
            last_device_id       1
            max_clock_offset_ns  0
            """
        ),
    ),
    Case(
        "ranks that run other kernels of one function are in one collective, under all their names",
        traces={"named": NAMED},
        expected=down(
            """
            trace                named
            kernel               ncclReduce<Ring>, ncclReduce<Tree>
            function             NULL
            communicator         NULL
            message_bytes        NULL
            reduction            NULL
            ranks                2
            traces               1
            start_ns             0
            duration_ns          10
            wait_ns              4
            together_ns          6
            bytes_per_s          NULL
            last_trace           named
            last_pid             1
            last_device_id       1
            max_clock_offset_ns  0
            """
        ),
    ),
    Case(
        "full names; a pattern is compared with them, with short and with distinct ones",
        traces={"named": TWICE},
        params={"names": "full", "communication": "void*tree*"},
        expected=down(
            """
            trace                named
            kernel               void ncclReduce<Tree>(int)
            function             NULL
            communicator         NULL
            message_bytes        NULL
            reduction            NULL
            ranks                2
            traces               1
            start_ns             20
            duration_ns          10
            wait_ns              2
            together_ns          8
            bytes_per_s          NULL
            last_trace           named
            last_pid             1
            last_device_id       1
            max_clock_offset_ns  0
            """
        ),
    ),
    Case(
        "distinct ones are those that are asked for",
        traces={"named": TWICE},
        params={"names": "distinct", "communication": "*<TREE>"},
        expected=down(
            """
            trace                named
            kernel               ncclReduce<Tree>
            function             NULL
            communicator         NULL
            message_bytes        NULL
            reduction            NULL
            ranks                2
            traces               1
            start_ns             20
            duration_ns          10
            wait_ns              2
            together_ns          8
            bytes_per_s          NULL
            last_trace           named
            last_pid             1
            last_device_id       1
            max_clock_offset_ns  0
            """
        ),
    ),
]
