"""Cases of launch_overhead: calls, delays in the queue, and idle time before kernels."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording, copy, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .call(LAUNCH, 0, 10, kernel("add", 12, 20))
    .call(LAUNCH, 10, 14, kernel("add", 20, 30, stream=8))
    # Starts before its call returns: not queued. The copy before it is work, too.
    .call("cudaMemcpyAsync_v3020", 30, 32, copy("Host-to-Device", 35, 40, 8))
    .call(LAUNCH, 40, 50, kernel("mul", 45, 60))
    # Two nodes of one graph: the call is charged to the one that starts first.
    .call("cudaGraphLaunch_v10000", 60, 66, kernel("mul", 80, 90, node=1), kernel("sum", 95, 100, node=2))
    # Other devices are other GPUs, with gaps of their own; so are those of a process that has one for itself.
    .work(kernel("add", 500, 504, device=1), kernel("add", 510, 514, device=1))
    .work(kernel("lone", 700, 700), pid=2)
    .gpu(0, "H100", cuda=0, pid=1)
    .gpu(2, "H100", cuda=0, pid=2),
    "b": Recording().call(LAUNCH, 0, 5, kernel("add", 7, 9)),
}

CASES = [
    Case(
        "a call is charged once, a delay is never negative, and a gap ends the idle time of one GPU",
        traces=TWO,
        expected=down(
            """
            trace            a             a            a        a     b
            kernel           mul           add          sum      lone  add
            instances        2             4            1        1     1
            calls            2             2            0        0     1
            kernel_ns        15 + 10       8 + 10 + 8   5        0     2
            api_ns           10 + 6        10 + 4       0        0     5
            median_api_ns    8             7            NULL     NULL  5
            median_queue_ns  7             4            29       NULL  2      # of 0 and 14; of 2 and 6; 95 - 66
            gap_ns           5 + 20        0 + 6        5        0     0
            median_gap_ns    12.5          3            5        NULL  NULL   # before the first nothing is known
            overhead_pct     50            600/32       50       NULL  0
            """
        ),
    ),
    Case(
        "kernels of that name, of one trace; the gap counts other kernels before them",
        traces=TWO,
        params={"trace": "a", "kernel": "s%m"},
        expected=down(
            """
            trace            a
            kernel           sum
            instances        1
            calls            0
            kernel_ns        5
            api_ns           0
            median_api_ns    NULL
            median_queue_ns  29
            gap_ns           5
            median_gap_ns    5
            overhead_pct     50
            """
        ),
    ),
]
