"""Cases of step_summary: what a step of inference is, and where the GPU waits in it."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .range("execute_context_2(100)_generation_0(0)", 0, 50)
    .range("layer", 5, 20)
    .call(LAUNCH, 10, 12, kernel("k", 20, 60), kernel("k", 50, 70))
    .call("cudaMemcpyAsync_v3020", 30, 32, copy("Device-to-Host", 80, 120, 8))
    # Its work starts 10 ns before that of the step before ends.
    .range("execute_context_1(6)_generation_3(4)", 60, 100)
    .call(LAUNCH, 61, 62, kernel("k", 110, 130))
    .range("execute_context_0(0)_generation_8(8)", 140, 150)
    .call("cudaGraphLaunch_v10000", 141, 143, graph(150, 166))
    # Nothing to do; no GPU work.
    .range("execute_context_0(0)_generation_0(0)", 200, 210)
    # Another process counts its own steps.
    .range("execute_context_0(0)_generation_8(8)", 20, 30, pid=2)
    .call(LAUNCH, 21, 22, kernel("k", 40, 50), pid=2)
    .mark("execute_context_0(0)_generation_8(8)", 25),
    "b": Recording().range("train 1", 0, 9).call(LAUNCH, 1, 2, kernel("k", 10, 15)).range("test 1", 10, 20),
}

CASES = [
    Case(
        "vLLM's steps tell requests and tokens; gaps are those of the step's own work",
        traces=TWO,
        expected=down(
            """
            trace                a            a            a         a      a
            pid                  1            1            1         1      2
            step                 0            1            2         3      0
            phase                prefill      mixed        decode    empty  decode
            context_requests     2            1            0         0      0
            context_tokens       100          6            0         0      0
            generation_requests  0            3            8         0      8
            generation_tokens    0            4            8         0      8
            start_ns             0            60           140       200    20
            duration_ns          50           40           10        10     10
            gpu_start_ns         20           110          150       NULL   40
            gpu_span_ns          100          20           16        NULL   10
            gpu_busy_ns          50 + 40      20           16        NULL   10   # two kernels overlap
            gpu_gaps_ns          10           0            0         NULL   0
            gpu_before_ns        NULL         110 - 120    20        NULL   NULL
            gpu_operations       3            1            1         0      1
            launches             2            1            1         0      1
            tokens_per_s         1e9          5e8          5e8       NULL   8e8  # 100 tokens in 100 ns
            """
        ),
    ),
    Case(
        "other steps have a name, of one trace; nothing tells their kind and tokens",
        traces=TWO,
        params={"trace": "b", "step": "tr?in%"},
        expected=down(
            """
            trace                b
            pid                  1
            step                 0
            phase                NULL
            context_requests     NULL
            context_tokens       NULL
            generation_requests  NULL
            generation_tokens    NULL
            start_ns             0
            duration_ns          9
            gpu_start_ns         10
            gpu_span_ns          5
            gpu_busy_ns          5
            gpu_gaps_ns          0
            gpu_before_ns        NULL
            gpu_operations       1
            launches             1
            tokens_per_s         NULL
            """
        ),
    ),
]
