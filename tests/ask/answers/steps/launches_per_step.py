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

#: The first two steps try out kernels, and take more than twice the usual 10. Another one is slow later on, and of a
#: second thread the last one.
WARMING = {
    "e": Recording()
    .range("step 0", 0, 100)
    .call(LAUNCH, 1, 2, *(kernel("k", at, at + 1) for at in (10, 20, 30, 90)))
    .range("step 1", 100, 121)
    .call(LAUNCH, 101, 102, kernel("k", 110, 111), kernel("k", 112, 113))
    .range("step 2", 200, 210)
    .call(LAUNCH, 201, 202, kernel("k", 203, 208))
    .range("step 3", 300, 350)
    .call(LAUNCH, 301, 302, kernel("k", 303, 308), kernel("k", 310, 311))
    .range("step 4", 400, 410)
    .call(LAUNCH, 401, 402, kernel("k", 403, 408))
    .range("step 5", 500, 510)
    .call(LAUNCH, 501, 502, kernel("k", 503, 508))
    .range("step 6", 600, 610)
    .call(LAUNCH, 601, 602, kernel("k", 603, 608))
    .range("step 7", 700, 710, tid=2)
    .call(LAUNCH, 701, 702, kernel("k", 703, 705), tid=2)
    .range("step 8", 800, 810, tid=2)
    .call(LAUNCH, 801, 802, kernel("k", 803, 805), tid=2)
    .range("step 9", 900, 940, tid=2)
    .call(LAUNCH, 901, 902, kernel("k", 903, 905), tid=2)
}

CASES = [
    Case(
        "work in the ranges inside counts; a replay is one launch of many kernels, which a whole graph hides",
        traces=TWO,
        expected=across(
            f"""
            trace  range                                 steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step      avg_gpu_busy_ns
            a      {DECODE}                              2      0              3                 2            4            1.5                  1                       3.5                    (30 + 4 + 8 + 8 + 8) / 2
            a      execute_context_1(9)_generation_0(0)  1      0              0                 0            0            0                    0                       0                      0
            """
        ),
    ),
    Case(
        "other steps have a name, of one trace",
        traces=TWO,
        params={"trace": "b", "step": "tr%"},
        expected=across(
            """
            trace  range      steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step      avg_gpu_busy_ns
            b      train      1      0              1                 1            1            0                    0                       1                      5
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
                trace  range  steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
                b      train  1      0              1                 1            1            0                    0                       1                  5
                n      train  1      0              NULL              NULL         NULL         NULL                 NULL                    NULL               NULL
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
            trace  range   steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            c      step *  2      0              1                 1            1            0                    0                       1                  3
            """
        ),
    ),
    Case(
        "by process, each with its number",
        traces=OTHERS,
        params={"trace": "c", "by": "process", "exact": True},
        expected=across(
            """
            trace  range   steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            c      step 1  1      0              3                 3            3            1                    1                       3                  3 + 13 + 2
            c      step 2  1      0              1                 1            1            0                    0                       1                  4
            """
        ),
    ),
    Case(
        "by thread, a step whose work others launched has unknown counts",
        traces=OTHERS,
        params={"trace": "c", "step": "step 2"},
        expected=across(
            """
            trace  range   steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            c      step *  1      0              NULL              NULL         NULL         NULL                 NULL                    NULL               NULL
            """
        ),
    ),
    Case(
        "steps that kernels tell have no range",
        traces=OTHERS,
        params={"trace": "d"},
        expected=across(
            """
            trace  range  steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            d      NULL   3      0              2                 2            2            1/3                  1/3                     4/3                (6 + 1 + 6 + 7) / 3
            """
        ),
    ),
    Case(
        "the first steps that take more than twice the median are counted apart, and in no mean",
        traces=WARMING,
        expected=across(
            """
            trace  range   steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            e      step *  8      2              9/8               1            2            0                    0                       1                  (5 + 6 + 5 + 5 + 5 + 3 * 2) / 8
            """
        ),
    ),
    Case(
        "all of them, if asked so",
        traces=WARMING,
        params={"warm_up": True},
        expected=across(
            """
            trace  range   steps  warm_up_steps  kernels_per_step  min_kernels  max_kernels  memory_ops_per_step  graph_replays_per_step  launches_per_step  avg_gpu_busy_ns
            e      step *  10     0              15/10             1            4            0                    0                       1                  (4 + 2 + 5 + 6 + 5 + 5 + 5 + 3 * 2) / 10
            """
        ),
    ),
]
