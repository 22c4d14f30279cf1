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
        "what communicates is a pattern",
        traces=TWO,
        params={"trace": "b", "communication": "S?M"},
        expected=across(
            """
            trace  start_ns  duration_ns  overlap_ns  exposed_ns  overlap_pct  pid  device_id  stream_id  kernel  kernel_id
            b      0         10           5           5           50           1    0          7          sum     1
            """
        ),
    ),
]
