"""Cases of kernel_categories: kernels by the kind of their work."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, copy, kernel

TWO = {
    "timeline": Recording()
    .work(
        kernel("gemm_a", 0, 10),
        kernel("gemm_a", 20, 50, device=1),
        # One function name, two kernels by their full names.
        kernel("gemm_b", 60, 65, full="gemm_b<1>"),
        kernel("gemm_b", 70, 85, full="gemm_b<2>"),
        # Attention comes before gemm in the patterns, whatever its arguments are called.
        kernel("device_kernel", 90, 105, full="device_kernel<flash::Fwd<cutlass::gemm::X>>"),
        kernel("mine", 110, 111),
        copy("Host-to-Device", 0, 900, 8),
    )
    .work(kernel("mine", 0, 4), pid=2),
    # The profiler tells times, or not.
    "counters": Profile().kernel("nccl_send", ns=3).kernel("gemm"),
}

CASES = [
    Case(
        "full names decide, kernels of every process and device add up; a kernel without a time comes last",
        traces=TWO,
        expected=across(
            """
            trace     category       kernels  instances  total_ns           share_pct  top_kernel
            counters  communication  1        1          3                  100        nccl_send
            counters  gemm           1        1          NULL               NULL       NULL
            timeline  gemm           3        4          10 + 30 + 5 + 15   75         gemm_a
            timeline  attention      1        1          15                 18.75      device_kernel
            timeline  other          1        2          1 + 4              6.25       mine
            """
        ),
    ),
    Case(
        "of one trace; of no time, no share",
        traces={**TWO, "idle": Recording().work(kernel("gemm", 5, 5))},
        params={"trace": "idle"},
        expected=across(
            """
            trace  category  kernels  instances  total_ns  share_pct  top_kernel
            idle   gemm      1        1          0         NULL       gemm
            """
        ),
    ),
]
