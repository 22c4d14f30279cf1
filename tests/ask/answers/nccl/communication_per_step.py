"""Cases of communication_per_step: steps that lie end to end on the GPU, and what it did in each."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"
STEP = "execute_context_1(8)_generation_0(0)"

TWO = {
    "a": Recording()
    # Before the first step.
    .work(kernel("gemm", 0, 5))
    .range(STEP, 0, 10)
    .call(LAUNCH, 1, 2, kernel("gemm", 10, 30))
    .call(LAUNCH, 3, 4, kernel("ncclAllReduce", 25, 40, stream=9))
    # Of the backward pass, on another thread and in no range: at the time of the step all the same.
    .call(LAUNCH, 5, 6, kernel("gemm", 50, 60), tid=7)
    # Launches nothing, and is no step of the GPU.
    .range(STEP, 11, 12)
    .range(STEP, 20, 30)
    .call(LAUNCH, 21, 22, kernel("gemm", 100, 110))
    .call(LAUNCH, 23, 24, copy("Host-to-Device", 115, 120, 8))
    .range("layer", 21, 23)
    # Communication of the first step that goes on in the second one counts in both.
    .work(kernel("ncclAllReduce", 90, 105, stream=9)),
    "b": Recording()
    .range("iteration 1", 0, 10, pid=3)
    .call(LAUNCH, 1, 2, kernel("ncclSend", 5, 7, device=2), pid=3),
}

CASES = [
    Case(
        "a step reaches to the first operation of the next one, the last step to the end of all",
        traces=TWO,
        expected=across(
            f"""
            trace  gpu_id  pid  step  range   start_ns  span_ns  exposed_ns  overlapped_ns  compute_ns  memory_ns  idle_ns       exposed_pct  hidden_pct
            a      0       1    0     {STEP}  10        90       10 + 10     5              15 + 10     0          10 + 30       100 * 20/90  20
            a      0       1    1     {STEP}  100       20       0           5              5           5          5             0            100
            """
        ),
    ),
    Case(
        "whole graphs and copies begin steps, too; start/end ranges are steps; a step within a step is none",
        traces={
            "c": Recording()
            .range("step 0", 0, 10)
            .range("step 0 again", 4, 9)
            .call("cudaGraphLaunch_v10000", 5, 6, graph(20, 30))
            .range("step 1", 11, 20)
            .call("cudaMemcpyAsync_v3020", 12, 13, copy("Host-to-Device", 40, 50, 8))
            .range("step 2", 21, 30, style="startend")
            .call(LAUNCH, 22, 23, kernel("ncclSend", 60, 70))
        },
        params={"step": "step%"},
        expected=across(
            """
            trace  gpu_id  pid  step  range   start_ns  span_ns  exposed_ns  overlapped_ns  compute_ns  memory_ns  idle_ns  exposed_pct  hidden_pct
            c      0       1    0     step 0  20        20       0           0              10          0          10       0            NULL
            c      0       1    1     step 1  40        20       0           0              0           10         10       0            NULL
            c      0       1    2     step 2  60        10       10          0              0           0          0        100          0
            """
        ),
    ),
    Case(
        "of steps whose work begins together the last one has the time, and the other no row",
        traces={
            "d": Recording()
            .range(STEP, 0, 10)
            .call(LAUNCH, 1, 2, kernel("gemm", 50, 60))
            .range(STEP, 10, 20)
            .call(LAUNCH, 11, 12, kernel("ncclSend", 50, 70, stream=9))
            .range(STEP, 20, 30)
            .call(LAUNCH, 21, 22, kernel("gemm", 80, 90))
        },
        expected=across(
            f"""
            trace  gpu_id  pid  step  range   start_ns  span_ns  exposed_ns  overlapped_ns  compute_ns  memory_ns  idle_ns  exposed_pct  hidden_pct
            d      0       1    1     {STEP}  50        30       10          10             0           0          10       1000/30      50
            d      0       1    2     {STEP}  80        10       0           0              10          0          0        0            NULL
            """
        ),
    ),
    Case(
        "steps of other names, of one trace",
        traces=TWO,
        params={"trace": "b", "step": "iteration%"},
        expected=across(
            """
            trace  gpu_id  pid  step  range        start_ns  span_ns  exposed_ns  overlapped_ns  compute_ns  memory_ns  idle_ns  exposed_pct  hidden_pct
            b      2       3    0     iteration 1  5         2        2           0              0           0          0        100          0
            """
        ),
    ),
]
