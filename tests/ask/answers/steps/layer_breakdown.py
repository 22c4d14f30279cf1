"""Cases of layer_breakdown: GPU time by module, whatever the layer."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"


def module(name: str, what: str = "Inputs") -> str:
    """The text of a range of vLLM's layerwise tracing."""
    return f"{{'Module': '{name}', '{what}': [[8, 4]]}}"


TWO = {
    "a": Recording()
    .range(module("Llama.model.layers.0"), 0, 50)
    .call(LAUNCH, 1, 2, kernel("norm", 10, 14))
    .range(module("Llama.model.layers.0.mlp"), 10, 40)
    .call(LAUNCH, 11, 12, kernel("gemm", 20, 40))
    .call("cudaMemcpyAsync_v3020", 13, 14, copy("Device-to-Device", 30, 50, 8))
    # vLLM's second range of a module.
    .range(module("Llama.model.layers.0.mlp", "Outputs"), 45, 48)
    .range(module("Llama.model.layers.1.mlp"), 60, 70)
    .call("cudaGraphLaunch_v10000", 61, 62, graph(70, 80))
    # Any other range is told by its path.
    .range("sample", 80, 90)
    .range("topk", 81, 89)
    .call(LAUNCH, 82, 83, kernel("topk", 100, 106))
    .range("request", 0, 95, style="startend")
    # Outside any range: in no share.
    .call(LAUNCH, 96, 97, kernel("late", 200, 900)),
    "b": Recording().range("step", 0, 9).call(LAUNCH, 1, 2, kernel("k", 10, 15)).range("idle", 10, 20),
}

CASES = [
    Case(
        "layers of one module count together; own time adds up to that of all operations inside ranges",
        traces=TWO,
        expected=across(
            """
            trace  module                    layers  instances  gpu_operations  gpu_busy_ns  avg_gpu_busy_ns  gpu_own_ns  own_share_pct
            a      Llama.model.layers.*.mlp  2       2          2 + 1           30 + 10      20           40 + 10     500/6
            a      sample/topk               0       1          1               6            6            6           10
            a      Llama.model.layers.*      1       1          3               4 + 30       34           4           40/6
            a      sample                    0       1          1               6            6            0           0
            b      step                      0       1          1               5            5            5           100
            b      idle                      0       1          0               0            0            0           0
            """
        ),
    ),
    Case(
        "modules like the pattern, of one trace: shares stay those of everything",
        traces=TWO,
        params={"trace": "a", "module": "%topk"},
        expected=across(
            """
            trace  module       layers  instances  gpu_operations  gpu_busy_ns  avg_gpu_busy_ns  gpu_own_ns  own_share_pct
            a      sample/topk  0       1          1               6            6            6           10
            """
        ),
    ),
]
