"""Cases of cpu_bound_gaps: whose fault a gap is."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .work(kernel("first", 0, 100))
    # The gap of 80 ns: 50 before the call, 20 in it, 10 after it.
    .call(LAUNCH, 150, 170, kernel("late", 180, 200), tid=3)
    # Launched long before, while the GPU worked: its own wait of 100 ns.
    .call(LAUNCH, 60, 75, kernel("queued", 300, 310))
    # 5 ns before a call in which it starts, 85 ns in.
    .call("cudaMemcpyAsync_v3020", 315, 420, copy("Host-to-Device", 400, 410, 8))
    # Half of 20 ns is the CPU's.
    .call(LAUNCH, 412, 420, kernel("even", 430, 440))
    # Other GPUs: no operation before it, hence no gap; launched by nobody knows whom.
    .call(LAUNCH, 0, 5, kernel("lone", 800, 900, device=1))
    .work(kernel("unknown", 990, 995, device=1))
    .work(kernel("second", 10, 20), pid=2)
    .call(LAUNCH, 30, 50, kernel("third", 60, 70, stream=9), pid=2, tid=8)
    .gpu(0, "H100", cuda=0, pid=1)
    .gpu(2, "H100", cuda=0, pid=2),
    "b": Recording().work(kernel("k", 0, 1)).call(LAUNCH, 2, 3, kernel("k", 4, 5)),
}

CASES = [
    Case(
        "a gap is cut at the call that ends it; listed is that of which the CPU has half, longest first",
        traces=TWO,
        params={"min_gap_ns": 5},
        expected=across(
            """
            trace  duration_ns  start_ns  before_call_ns  in_call_ns  queued_ns  cpu_pct  pid  device_id  tid  function         next_operation
            a      90           310       5               85          0          100      1    0          1    cudaMemcpyAsync  [CUDA memcpy Host-to-Device]
            a      80           100       50              20          10         87.5     1    0          3    cudaLaunchKernel  late
            a      40           20        10              20          10         75       2    0          8    cudaLaunchKernel  third
            a      20           410       2               8           10         50       1    0          1    cudaLaunchKernel  even
            """
        ),
    ),
    Case(
        "all gaps, whoever caused them, but no more than asked per trace",
        traces=TWO,
        params={"min_gap_ns": 0, "min_cpu_pct": 0, "limit": 2},
        expected=across(
            """
            trace  duration_ns  start_ns  before_call_ns  in_call_ns  queued_ns  cpu_pct   pid  device_id  tid  function         next_operation
            a      100          200       0               0           100        0         1    0          1    cudaLaunchKernel  queued
            a      90           310       5               85          0          100       1    0          1    cudaMemcpyAsync  [CUDA memcpy Host-to-Device]
            b      3            1         1               1           1          200/3     1    0          1    cudaLaunchKernel  k
            """
        ),
    ),
    Case(
        "none that is shorter than asked; of one trace",
        traces={
            "a": Recording()
            .work(kernel("k", 0, 1000))
            .call(LAUNCH, 10_000, 10_900, kernel("short", 10_999, 11_000))
            .call(LAUNCH, 20_000, 20_900, kernel("long", 21_000, 22_000)),
            "b": Recording().work(kernel("k", 0, 1)).call(LAUNCH, 2, 3, kernel("k", 90_000, 90_001)),
        },
        params={"trace": "a", "min_gap_ns": 10_000},
        expected=across(
            """
            trace  duration_ns  start_ns  before_call_ns  in_call_ns  queued_ns  cpu_pct  pid  device_id  tid  function         next_operation
            a      10000        11000     9000            900         100        99       1    0          1    cudaLaunchKernel  long
            """
        ),
    ),
    Case(
        "what a gap was before a call of which no end is known, nobody knows",
        traces={
            "a": Recording()
            .work(kernel("first", 0, 10))
            .call(LAUNCH, 50, 40, kernel("odd", 100, 110))
            .call(LAUNCH, 112, 116, kernel("even", 120, 130))
        },
        params={"min_cpu_pct": 0},
        expected=across(
            """
            trace  duration_ns  start_ns  before_call_ns  in_call_ns  queued_ns  cpu_pct  pid  device_id  tid  function         next_operation
            a      10           110       2               4           4          60       1    0          1    cudaLaunchKernel  even
            """
        ),
    ),
]
