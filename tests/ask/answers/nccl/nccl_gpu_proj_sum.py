"""Cases of nccl_gpu_proj_sum: what calls of NCCL caused on the GPU."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernelExC_v11060"

TWO = {
    "a": Recording()
    .range("ncclAllReduce", 0, 10, domain="NCCL")
    .call(LAUNCH, 2, 4, kernel("nccl", 20, 50), kernel("nccl", 60, 80))
    .range("ncclAllReduce", 100, 110, domain="NCCL")
    .call(LAUNCH, 102, 104, kernel("nccl", 120, 140))
    # Work of a group is launched where it ends, not by the functions in it.
    .range("ncclGroup", 200, 250, domain="NCCL")
    .range("ncclSend", 205, 210, domain="NCCL")
    .call(LAUNCH, 240, 245, kernel("nccl", 260, 380))
    .range("step", 300, 310)
    .call(LAUNCH, 302, 304, kernel("gemm", 400, 900)),
    "b": Recording().range("send", 0, 9, domain="MINE").call(LAUNCH, 1, 2, kernel("copy", 10, 15)),
}

CASES = [
    Case(
        "from the first start to the last end of what a call launched, idle time between included",
        traces=TWO,
        expected=across(
            """
            trace  function       instances  total_proj_ns  share_pct  avg_proj_ns  median_proj_ns  min_proj_ns  max_proj_ns  stddev_proj_ns  p90_proj_ns  p99_proj_ns
            a      ncclGroup      1          120            60         120          120             120          120          NULL            120          120
            a      ncclAllReduce  2          60 + 20        40         40           40              20           60           sqrt(800)       56           59.6
            """
        ),
    ),
    Case(
        "of one trace, under the domain of another library",
        traces=TWO,
        params={"trace": "b", "domain": "MINE"},
        expected=across(
            """
            trace  function  instances  total_proj_ns  share_pct  avg_proj_ns  median_proj_ns  min_proj_ns  max_proj_ns  stddev_proj_ns  p90_proj_ns  p99_proj_ns
            b      send      1          5              100        5            5               5            5            NULL            5            5
            """
        ),
    ),
]
