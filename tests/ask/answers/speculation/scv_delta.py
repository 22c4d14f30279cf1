"""Cases of scv_delta: what happens inside a range, per instance, and what each profiler cannot know."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, graph, kernel

LAUNCH, REPLAY = "cudaLaunchKernel_v7000", "cudaGraphLaunch_v10000"

CASES = [
    Case(
        "calls, waiting and kernels inside the range, in all, per instance and in the median; nodes of a graph one by one",
        traces={
            "before": Recording()
            .range("mask", 0, 100)
            # In itself: no second instance, and no work twice.
            .range("mask", 10, 50)
            .call(LAUNCH, 20, 25, kernel("k", 30, 37))
            # The driver call inside, with the same id, is the same launch.
            .call("cuLaunchKernel", 21, 24, layer="driver", nested=True)
            .call(LAUNCH, 60, 63, kernel("k", 70, 73))
            .range("mask", 200, 240)
            .call("cudaStreamSynchronize_v3020", 210, 230)
            .range("mask", 250, 256)
            .call("cudaStreamSynchronize_v3020", 252, 254)
            .call(LAUNCH, 300, 305, kernel("k", 310, 320)),
            "after": Recording()
            .range("mask", 0, 30)
            .call(REPLAY, 5, 9, kernel("k", 10, 12, node=1), kernel("k", 12, 13, node=2))
            .call("cudaDeviceSynchronize_v3020", 10, 15),
        },
        params={"baseline": "before", "variant": "after", "range": "mask"},
        expected=across(
            """
            measure          baseline  variant  delta  delta_pct   baseline_per_instance  variant_per_instance  median_baseline_per_instance  median_variant_per_instance  remark
            instances        3         1        -2     -200/3      1                      1                     NULL                          NULL                         ''
            host_ns          100+40+6  30       -116   -11600/146  146/3                  30                    40                            30                           with the tracing of every node of a graph in after: nsys profile --cuda-graph-trace=graph
            launches         2         0        -2     -100        2/3                    0                     0                             0                            ''  # 2, 0, 0
            launch_ns        5 + 3     0        -8     -100        8/3                    0                     0                             0                            ''
            graph_replays    0         1        1      NULL        0                      1                     0                             1                            ''
            graph_replay_ns  0         4        4      NULL        0                      4                     0                             4                            with the tracing of every node of a graph in after: nsys profile --cuda-graph-trace=graph
            replays_by_node  0         1        1      NULL        0                      1                     0                             1                            ''
            syncs            2         1        -1     -50         2/3                    1                     1                             1                            ''  # 0, 1, 1
            sync_ns          20 + 2    5        -17    -1700/22    22/3                   5                     2                             5                            ''
            kernels          2         2        0      0           2/3                    2                     0                             2                            ''
            gpu_ns           7 + 3     2 + 1    -7     -70         10/3                   3                     0                             3                            ''
            warps            NULL      NULL     NULL   NULL        NULL                   NULL                  NULL                          NULL                         nsys records none (before); nsys records none (after)
            """
        ),
    ),
    Case(
        "a graph traced as a whole hides its kernels; a range that did not run is known, what it costs is not",
        traces={
            "graphs": Recording().range("scv_compute_mask", 0, 30).call(REPLAY, 5, 9, graph(10, 20)),
            "without": Recording().range("step", 0, 30),
        },
        params={"baseline": "graphs", "variant": "without"},
        expected=across(
            """
            measure          baseline  variant  delta  delta_pct  baseline_per_instance  variant_per_instance  median_baseline_per_instance  median_variant_per_instance  remark
            instances        1         0        -1     -100       1                      NULL                  NULL                          NULL                         ''
            host_ns          30        NULL     NULL   NULL       30                     NULL                  30                            NULL                         no range scv_compute_mask in without
            launches         0         NULL     NULL   NULL       0                      NULL                  0                             NULL                         no range scv_compute_mask in without
            launch_ns        0         NULL     NULL   NULL       0                      NULL                  0                             NULL                         no range scv_compute_mask in without
            graph_replays    1         NULL     NULL   NULL       1                      NULL                  1                             NULL                         no range scv_compute_mask in without
            graph_replay_ns  4         NULL     NULL   NULL       4                      NULL                  4                             NULL                         no range scv_compute_mask in without
            replays_by_node  0         NULL     NULL   NULL       0                      NULL                  0                             NULL                         no range scv_compute_mask in without
            syncs            0         NULL     NULL   NULL       0                      NULL                  0                             NULL                         no range scv_compute_mask in without
            sync_ns          0         NULL     NULL   NULL       0                      NULL                  0                             NULL                         no range scv_compute_mask in without
            kernels          NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         kernels of CUDA graphs are not recorded in graphs; no range scv_compute_mask in without
            gpu_ns           NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         kernels of CUDA graphs are not recorded in graphs; no range scv_compute_mask in without
            warps            NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         nsys records none (graphs); no range scv_compute_mask in without
            """
        ),
    ),
    Case(
        "ncu tells kernels and warps, and instances by the tag steps",
        traces={
            "a": Profile(tags={"steps": "2"})
            .kernel("k", "step/mask", ns=4, warps=8)
            .kernel("k", "mask/mask", ns=6, warps=16)
            .kernel("k", "step", ns=100, warps=100),
            "b": Profile().kernel("k", "mask", ns=5, warps=6).kernel("k", "mask", ns=2),
        },
        params={"baseline": "a", "variant": "b", "range": "mask"},
        expected=across(
            """
            measure          baseline  variant  delta  delta_pct  baseline_per_instance  variant_per_instance  median_baseline_per_instance  median_variant_per_instance  remark
            instances        2         NULL     NULL   NULL       1                      NULL                  NULL                          NULL                         b does not tell: ingest it with --tag steps=N
            host_ns          NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            launches         NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            launch_ns        NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            graph_replays    NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            graph_replay_ns  NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            replays_by_node  NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            syncs            NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            sync_ns          NULL      NULL     NULL   NULL       NULL                   NULL                  NULL                          NULL                         ncu records none (a); ncu records none (b)
            kernels          2         2        0      0          1                      NULL                  NULL                          NULL                         ''
            gpu_ns           10        7        -3     -30        5                      NULL                  NULL                          NULL                         ''
            warps            24        NULL     NULL   NULL       12                     NULL                  NULL                          NULL                         not measured in b: ncu --metrics sm__warps_launched.sum
            """
        ),
    ),
]
