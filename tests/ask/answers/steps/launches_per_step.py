"""Cases of launches_per_step: whether steps of one text are alike."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel, memset

LAUNCH, REPLAY = "cudaLaunchKernel_v7000", "cudaGraphLaunch_v10000"
DECODE = "execute_context_0(0)_generation_8(8)"

TWO = {
    "a": Recording()
    .range(DECODE, 0, 100)
    .range("layer", 5, 50)
    .call(LAUNCH, 10, 12, kernel("k", 20, 40))
    .call(LAUNCH, 20, 22, kernel("k", 30, 50))
    .call("cudaMemsetAsync_v3020", 60, 62, memset(60, 64, 8))
    .call("cudaStreamSynchronize_v3020", 70, 90)
    # Of another process: a replay with its kernels, and one that was traced as a whole.
    .range(DECODE, 0, 100, pid=2)
    .call(REPLAY, 10, 14, *(kernel("k", at, at + 2, node=at) for at in (20, 30, 40, 50)), pid=2)
    .call(REPLAY, 60, 64, graph(70, 78), pid=2)
    .call("cudaMemcpyAsync_v3020", 80, 81, copy("Host-to-Device", 90, 94, 8), pid=2)
    .call("cudaMemcpyAsync_v3020", 82, 83, copy("Host-to-Device", 94, 98, 8), pid=2)
    .range("execute_context_1(9)_generation_0(0)", 200, 300),
    "b": Recording().range("train", 0, 9).call(LAUNCH, 1, 2, kernel("k", 10, 15)),
}

OTHERS = {
    "c": Recording()
    .range("step 1", 0, 20, style="startend")
    .call(LAUNCH, 2, 3, kernel("k", 5, 8))
    .call(REPLAY, 10, 11, kernel("k", 12, 22, node=1), kernel("k", 20, 25, node=2), tid=2)
    .call("cudaMemcpyAsync_v3020", 12, 13, copy("Host-to-Device", 30, 32, 8), tid=2)
    .range("step 2", 30, 50, style="startend", end_tid=2)
    .call(LAUNCH, 35, 36, kernel("k", 40, 44), tid=2),
    "d": Recording()
    .call(LAUNCH, 10, 11, kernel("embed", 12, 14), kernel("mlp", 14, 18))
    .call("cudaMemcpyAsync_v3020", 13, 14, copy("Device-to-Host", 22, 23, 8))
    .call(REPLAY, 30, 31, kernel("embed", 32, 34, node=1), kernel("mlp", 34, 38, node=2))
    .call(LAUNCH, 50, 51, kernel("embed", 53, 54), kernel("mlp", 54, 60)),
}

CASES = [
    Case(
        "work in the ranges inside counts; a replay is one launch of many kernels, which a whole graph hides",
        traces=TWO,
        expected=across(
            f"""
            trace  range                                 steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step      avg_gpu_busy_ns
            a      {DECODE}                              2      3                 2            4            1.5                  1                       3.5                    (30 + 4 + 8 + 8 + 8) / 2
            a      execute_context_1(9)_generation_0(0)  1      0                 0            0            0                    0                       0                      0
            """
        ),
    ),
    Case(
        "other steps have a name, of one trace",
        traces=TWO,
        params={"trace": "b", "step": "tr%"},
        expected=across(
            """
            trace  range      steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step      avg_gpu_busy_ns
            b      train      1      1                 1            1            0                    0                       1                      5
            """
        ),
    ),
    *(
        Case(
            f"where no GPU work was recorded none is counted, by {by}",
            traces={"b": TWO["b"], "n": Recording().range("train", 0, 9)},
            params={"step": "train", "by": by},
            expected=across(
                """
                trace  range  steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
                b      train  1      1                 1            1            0                    0                       1                  5
                n      train  1      NULL              NULL         NULL         NULL                 NULL                    NULL               NULL
                """
            ),
        )
        for by in ("thread", "process")
    ),
    Case(
        "steps of start/end ranges differ in their number alone; those whose work others launched are in no mean",
        traces=OTHERS,
        params={"trace": "c"},
        expected=across(
            """
            trace  range   steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            c      step *  2      1                 1            1            0                    0                       1                  3
            """
        ),
    ),
    Case(
        "by process, each with its number",
        traces=OTHERS,
        params={"trace": "c", "by": "process", "exact": True},
        expected=across(
            """
            trace  range   steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            c      step 1  1      3                 3            3            1                    1                       3                  3 + 13 + 2
            c      step 2  1      1                 1            1            0                    0                       1                  4
            """
        ),
    ),
    Case(
        "by thread, a step whose work others launched has unknown counts",
        traces=OTHERS,
        params={"trace": "c", "step": "step 2"},
        expected=across(
            """
            trace  range   steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            c      step *  1      NULL              NULL         NULL         NULL                 NULL                    NULL               NULL
            """
        ),
    ),
    Case(
        "steps that kernels tell have no range",
        traces=OTHERS,
        params={"trace": "d"},
        expected=across(
            """
            trace  range  steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            d      NULL   3      2                 2            2            1/3                  1/3                     4/3                (6 + 1 + 6 + 7) / 3
            """
        ),
    ),
]
