"""Cases of nccl_gpu_overlap_trace: communication under computation, of the same process and device only."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, kernel

TWO = {
    "a": Recording()
    .work(
        kernel("ncclAllReduce", 10, 50, stream=8),
        # Two at once from 25 to 30: that counts once. Together busy from 5 to 15 and from 20 to 40.
        kernel("gemm", 5, 15),
        kernel("gemm", 20, 30),
        kernel("gemm", 25, 40, stream=9),
        # A copy does not compute, another communication neither.
        copy("Device-to-Host", 10, 50, 64),
        kernel("NCCLSend", 45, 60, stream=10),
        # On another device, and of another process.
        kernel("gemm", 0, 100, device=1),
        kernel("ncclAllReduce", 30, 90, device=1),
    )
    .work(kernel("gemm", 0, 100), kernel("ncclAllReduce", 200, 200), pid=2),
    "b": Recording().work(kernel("sum", 0, 10), kernel("scan", 5, 15)),
}
# One function, two kernels.
NAMED = Recording().work(
    kernel("ncclReduce", 0, 10, full="void ncclReduce<Ring>(int)"),
    kernel("ncclReduce", 4, 10, full="void ncclReduce<Tree>(int)", device=1),
)

CASES = [
    Case(
        "time with several compute kernels counts once; other devices, processes and copies do not hide anything",
        traces=TWO,
        expected=across(
            """
            trace  start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel         kernel_id
            a      10        40           5 + 20      15          62.5         1    0          8          ncclAllReduce  1
            a      30        60           60          0           100          1    1          7          ncclAllReduce  7
            a      45        15           0           15          0            1    0          10         NCCLSend       5
            a      200       0            0           0           NULL         2    0          7          ncclAllReduce  9
            """
        ),
    ),
    Case(
        "an all-reduce of an inference engine hides none of NCCL's, whatever its short name says",
        traces={
            "custom": Recording().work(
                kernel("ncclAllReduce", 0, 10),
                kernel("cross_device_reduce_1stage", 2, 8, stream=9),
                kernel("dispatch", 4, 9, full="void deep_ep::intranode::dispatch<8>(int*)", stream=10),
            )
        },
        expected=across(
            """
            trace   start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel                      kernel_id
            custom  0         10           0           10          0            1    0          7          ncclAllReduce               1
            custom  2         6            0           6           0            1    0          9          cross_device_reduce_1stage  2
            custom  4         5            0           5           0            1    0          10         dispatch                    3
            """
        ),
    ),
    Case(
        "what is named by a pattern communicates, and is alone in the answer; full names are names, too",
        traces={
            "named": Recording().work(
                kernel("device_kernel", 0, 10, full="device_kernel<ring::Step>"),
                kernel("device_kernel", 5, 12, full="device_kernel<gemm>", stream=9),
                kernel("ncclAllReduce", 0, 10, stream=10),
            )
        },
        params={"communication": "*Ring::*"},
        expected=across(
            """
            trace  start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel         kernel_id
            named  0         10           5           5           50           1    0          7          device_kernel  1
            """
        ),
    ),
    Case(
        "the pattern is one of LIKE, in any case",
        traces=TWO,
        params={"trace": "b", "communication": "S?M"},
        expected=across(
            """
            trace  start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel  kernel_id
            b      0         10           5           5           50           1    0          7          sum     1
            """
        ),
    ),
    Case(
        "distinct names tell kernels of one function apart, and are what a pattern is compared with, too",
        traces={"named": NAMED},
        params={"names": "distinct", "communication": "*<TREE>"},
        expected=across(
            """
            trace  start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel            kernel_id
            named  4         6            0           6           0            1    1          7          ncclReduce<Tree>  2
            """
        ),
    ),
    Case(
        "full names",
        traces={"named": NAMED},
        params={"names": "full"},
        expected=across(
            """
            trace  start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel                       kernel_id
            named  0         10           0           10          0            1    0          7          void ncclReduce<Ring>(int)   1
            named  4         6            0           6           0            1    1          7          void ncclReduce<Tree>(int)   2
            """
        ),
    ),
    Case(
        "of a kernel that ends before it starts no overlap is known",
        traces={
            "c": Recording().work(
                kernel("gemm", 0, 100),
                kernel("nccl_sum", 50, 40, stream=8),
                kernel("nccl_sum", 60, 80, stream=8),
            )
        },
        expected=across(
            """
            trace  start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel    kernel_id
            c      50        NULL         NULL        NULL        NULL         1    0          8          nccl_sum  2
            c      60        20           20          0           100          1    0          8          nccl_sum  3
            """
        ),
    ),
]
