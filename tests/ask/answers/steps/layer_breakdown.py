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

KINDS = {
    "c": Recording()
    .range(module("bert.encoder.layer.0.output"), 0, 5)
    .call(LAUNCH, 1, 2, kernel("k", 100, 101))
    .range(module("bert.encoder.layer.1.output"), 10, 15)
    .call(LAUNCH, 11, 12, kernel("k", 110, 112))
    .range("layer1.0.conv1", 20, 25)
    .call(LAUNCH, 21, 22, kernel("k", 120, 123))
    .range("layer1.1.conv1", 30, 35)
    .call(LAUNCH, 31, 32, kernel("k", 130, 134))
    .range("op, seq = 47575, sizes = [[8, 128], [2]], ids = [(0,-1), (3,0)]", 40, 45)
    .call(LAUNCH, 41, 42, kernel("k", 140, 145))
    .range("op, seq = 47576, sizes = [[], []], ids = [(5,0)]", 50, 55)
    .call(LAUNCH, 51, 52, kernel("k", 150, 156))
    .range("search(nq=1)", 60, 65)
    .call(LAUNCH, 61, 62, kernel("k", 160, 167))
    .range("search(nq=10)", 70, 75)
    .call(LAUNCH, 71, 72, kernel("k", 170, 178))
    .range("vit.transformer_blocks.11.attn", 80, 85)
    .call(LAUNCH, 81, 82, kernel("k", 180, 189))
    .range(None, 90, 95)
    .call(LAUNCH, 91, 92, kernel("k", 190, 200)),
    "d": Recording()
    .range("step", 0, 50)
    .range("forward", 1, 10)
    .call(LAUNCH, 2, 3, kernel("k", 5, 10))
    .range("backward", 20, 40)
    .call(LAUNCH, 25, 26, kernel("k", 30, 45), tid=2),
    # A graph by node whose kernel and copy are both the first of their table.
    "e": Recording()
    .range("backward", 20, 40)
    .call(
        "cudaGraphLaunch",
        25,
        26,
        kernel("k", 30, 45, node=1),
        copy("Device-to-Host", 50, 53, 8, node=2),
        tid=2,
    ),
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
    Case(
        "what differs in numbers alone counts together: layers of every kind, arguments, shapes; no text is a kind, too",
        traces=KINDS,
        params={"trace": "c"},
        expected=across(
            """
            trace  module                        layers  instances  gpu_operations  gpu_busy_ns  avg_gpu_busy_ns  gpu_own_ns  own_share_pct
            c      search(nq=*)                   0       2          2               7 + 8        7.5              7 + 8       1500/55
            c      op, seq = *, sizes = [*], ids = [*]  0       2          2               5 + 6        5.5              5 + 6       1100/55
            c      ''                             0       1          1               10           10               10          1000/55
            c      vit.transformer_blocks.*.attn  1       1          1               9            9                9           900/55
            c      layer1.*.conv1                 2       2          2               3 + 4        3.5              3 + 4       700/55
            c      bert.encoder.layer.*.output    2       2          2               1 + 2        1.5              1 + 2       300/55
            """
        ),
    ),
    Case(
        "numbers apart",
        traces=KINDS,
        params={"trace": "c", "exact": True, "module": "%layer%"},
        expected=across(
            """
            trace  module                       layers  instances  gpu_operations  gpu_busy_ns  avg_gpu_busy_ns  gpu_own_ns  own_share_pct
            c      layer1.1.conv1               1       1          1               4            4                4           400/55
            c      layer1.0.conv1               1       1          1               3            3                3           300/55
            c      bert.encoder.layer.1.output  1       1          1               2            2                2           200/55
            c      bert.encoder.layer.0.output  1       1          1               1            1                1           100/55
            """
        ),
    ),
    Case(
        "by thread, what a backward pass launches on a thread of its own is in no range, and that of its range unknown",
        traces=KINDS,
        params={"trace": "d"},
        expected=across(
            """
            trace  module         layers  instances  gpu_operations  gpu_busy_ns  avg_gpu_busy_ns  gpu_own_ns  own_share_pct
            d      step/forward   0       1          1               5            5                5           100
            d      step           0       1          1               5            5                0           0
            d      step/backward  0       1          NULL            NULL         NULL             NULL        NULL
            """
        ),
    ),
    Case(
        "by process a replay is the range's with all that it did, kernels and copies",
        traces=KINDS,
        params={"trace": "e", "by": "process"},
        expected=across(
            """
            trace  module    layers  instances  gpu_operations  gpu_busy_ns  avg_gpu_busy_ns  gpu_own_ns  own_share_pct
            e      backward  0       1          2               15 + 3       18               15 + 3      100
            """
        ),
    ),
    Case(
        "by process it is that of the range that began last",
        traces=KINDS,
        params={"trace": "d", "by": "process"},
        expected=across(
            """
            trace  module         layers  instances  gpu_operations  gpu_busy_ns  avg_gpu_busy_ns  gpu_own_ns  own_share_pct
            d      step/backward  0       1          1               15           15               15          75
            d      step/forward   0       1          1               5            5                5           25
            d      step           0       1          2               20           20               0           0
            """
        ),
    ),
]
