"""Cases of nccl_message_sum: functions of NCCL with the sizes of their messages."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording, kernel

MADE = (
    Recording()
    .nccl("ncclCommInitRank", 0, 1, communicator=0xA, ranks=2, rank=0)
    .nccl("ncclBroadcast", 1, 2, kernel("ncclB", 10, 20), communicator=0xA, size=100, root=1)
    .nccl("ncclBroadcast", 3, 4, kernel("ncclB", 30, 60), communicator=0xA, size=100, root=1)
    .nccl("ncclBroadcast", 1, 2, kernel("ncclB", 10, 30, device=1), pid=2, communicator=0xA, size=100, root=1)
    # A group launches one kernel for all of its calls, where it ends; groups may be nested.
    .nccl("ncclGroupStart", 100, 101)
    .nccl("ncclGroupStart", 102, 103)
    .nccl("ncclSend", 104, 105, communicator=0xA, size=30, peer=1)
    .nccl("ncclGroupEnd", 106, 107)
    .nccl("ncclRecv", 108, 109, communicator=0xA, size=50, peer=1)
    .nccl("ncclGroupEnd", 110, 115, kernel("ncclSendRecv", 120, 200))
    # Two kernels: which moved what is not known.
    .nccl("ncclGroupStart", 300, 301)
    .nccl("ncclAllReduce", 302, 303, communicator=0xA, size=30, reduction=2)
    .nccl("ncclAllReduce", 304, 305, communicator=0xA, size=30, reduction=2)
    .nccl("ncclGroupEnd", 306, 310, kernel("ncclReduce", 320, 330), kernel("ncclReduce", 340, 370))
    # Nor where the group has two communicators, nor where it had begun before the recording.
    .nccl("ncclGroupStart", 400, 401)
    .nccl("ncclAllReduce", 402, 403, communicator=0xA, size=30, reduction=2)
    .nccl("ncclAllReduce", 404, 405, communicator=0xB, size=30, reduction=2)
    .nccl("ncclGroupEnd", 406, 410, kernel("ncclReduce", 420, 430))
    .nccl("ncclGroupEnd", 1, 2, kernel("ncclReduce", 3, 4), tid=9)
    .nccl("ncclAllReduce", 5, 6, kernel("ncclReduce", 50, 60), tid=9, communicator=0xB, size=8)
    # No communication, whatever launched it; and a call that says nothing.
    .nccl("ncclAllReduce", 500, 501, kernel("memset", 500, 600), communicator=0xB, size=8)
    .nccl("ncclAllReduce", 510, 511, kernel("ncclReduce", 600, 700))
)

CASES = [
    Case(
        "kernels of one message and communicator are a row; of a group, all that its calls share",
        traces={"made": MADE, "none": Recording().work(kernel("ncclB", 0, 1)).range("step", 0, 1)},
        expected=down(
            """
            trace            made                made           made            made
            function         ncclRecv, ncclSend  ncclBroadcast  ncclAllReduce   ncclAllReduce
            communicator     0xa                 0xa            0xa             0xb
            message_bytes    80                  100            NULL            8
            reduction        NULL                NULL           Max             NULL
            ranks            1                   2              1               1
            instances        1                   3              2               1
            total_bytes      80                  300            NULL            8
            total_ns         80                  60             40              10
            avg_ns           80                  20             20              10
            min_ns           80                  10             10              10
            max_ns           80                  30             30              10
            bytes_per_s      1e9                 1e9 * 100 / 20  NULL           1e9 * 8 / 10
            max_bytes_per_s  1e9                 1e9 * 100 / 10  NULL           1e9 * 8 / 10
            """
        ),
    ),
    Case(
        "of one trace",
        traces={
            "made": MADE,
            "other": Recording().nccl("ncclSend", 0, 1, kernel("ncclS", 2, 4), communicator=1, size=6),
        },
        params={"trace": "other"},
        expected=down(
            """
            trace            other
            function         ncclSend
            communicator     0x1
            message_bytes    6
            reduction        NULL
            ranks            1
            instances        1
            total_bytes      6
            total_ns         2
            avg_ns           2
            min_ns           2
            max_ns           2
            bytes_per_s      1e9 * 6 / 2
            max_bytes_per_s  1e9 * 6 / 2
            """
        ),
    ),
    Case(
        "traces of one tag are added up, such as the reports of a job's ranks",
        traces={
            name: Recording(job="j").nccl(
                "ncclSend", 1, 2, kernel("ncclS", 10, end), communicator=0xA, size=8
            )
            for name, end in (("rank 0", 20), ("rank 1", 40))
        },
        params={"by": "job"},
        expected=down(
            """
            trace            j
            function         ncclSend
            communicator     0xa
            message_bytes    8
            reduction        NULL
            ranks            2
            instances        2
            total_bytes      16
            total_ns         40
            avg_ns           20
            min_ns           10
            max_ns           30
            bytes_per_s      1e9 * 8 / 20
            max_bytes_per_s  1e9 * 8 / 10
            """
        ),
    ),
]
