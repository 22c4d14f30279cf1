"""Cases of nwor_scv_matrix: four modes, each with the traces and runs that there are."""

from __future__ import annotations

from typing import Any

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, graph, kernel
from made.runs import Runs

LAUNCH, REPLAY = "cudaLaunchKernel_v7000", "cudaGraphLaunch_v10000"
MASK = "scv_compute_mask"


def profile(nwor: str, scv: str, *, flush: int = 9000, pct: float | None = None, **counters: Any) -> Profile:
    """The traffic of a step, of which the writing has 8 of 10 ns, and caches that are flushed before it."""
    return (
        Profile(tags={"nwor_mode": nwor, "scv_mode": scv})
        .kernel(
            "flush",
            "flush/l2",
            dram_write=flush,
            dram_read=9000,
            l2_write=9000,
            l2_read=9000,
            ns=100,
            dram_pct=99,
        )
        .kernel("warm", "warm/up", dram_write=9000, dram_read=9000, l2_write=9000, l2_read=9000, ns=9)
        .kernel("write", "step/write", ns=8, dram_pct=pct, **counters)
        .kernel("sum", "step", dram_write=0, dram_read=0, l2_write=0, l2_read=0, ns=2, dram_pct=5)
    )


CASES = [
    Case(
        "tags tell the modes; what a mode has no trace, range, counter or run for is not known; flushes are compared",
        traces={
            "p1": profile("off", "off", pct=50, dram_write=100, dram_read=50, l2_write=10, l2_read=20),
            "p2": profile(
                "stage", "off", flush=9010, pct=25, dram_write=60, dram_read=50, l2_write=12, l2_read=20
            ),
            "p3": profile(
                "off", "graph", flush=9005, pct=50, dram_write=110, dram_read=25, l2_write=10, l2_read=30
            ),
            "p4": profile("stage", "graph", flush=9020, dram_write=50, dram_read=100, l2_write=None),
            "t1": Recording(nwor_mode="off", scv_mode="off")
            .range(MASK, 0, 100)
            .call(LAUNCH, 10, 15, kernel("k", 20, 27))
            .call(LAUNCH, 20, 23, kernel("k", 30, 33))
            .call("cudaStreamSynchronize", 40, 60)
            .range(MASK, 200, 240)
            .range(MASK, 250, 256)
            .call(LAUNCH, 251, 252, kernel("k", 253, 254))
            .call(LAUNCH, 300, 305, kernel("k", 310, 320)),
            "t2": Recording(nwor_mode="stage", scv_mode="off").range("step", 0, 10),
            "t3": Recording(nwor_mode="off", scv_mode="graph")
            .range(MASK, 0, 35)
            .call(REPLAY, 5, 9, kernel("k", 10, 12, node=1), kernel("k", 12, 13, node=2))
            # The driver call inside, with the same id, is the same replay.
            .call("cuGraphLaunch", 6, 8, layer="driver", nested=True)
            .call("cudaDeviceSynchronize", 10, 15),
        },
        runs={
            "latency": Runs(
                {
                    "nwor_mode": "off",
                    "scv_mode": "off",
                    "latency_avg_s": [0.5, 0.7],
                    "latency_p50_s": 0.4,
                    "spec_num_accepted_tokens": 10,
                    "spec_num_draft_tokens": 20,
                },
                {
                    "nwor_mode": "stage",
                    "scv_mode": "off",
                    "latency_avg_s": 0.3,
                    "latency_p50_s": 0.2,
                    "spec_num_accepted_tokens": 5,
                    "spec_num_draft_tokens": 20,
                    # Where a trace tells, runs do not.
                    "dram__bytes_write.sum": 7,
                },
                {"nwor_mode": "off", "scv_mode": "graph", "latency_avg_s": 0.9},
                # Of counters that the mode's trace lacks.
                {"nwor_mode": "stage", "scv_mode": "graph", "lts__t_sectors_op_write.sum": 15},
            )
        },
        params={"exclude": "warm", "flush": ["nothing", "flush"]},
        expected=across(
            f"""
            measure                      off_off  stage_off  off_graph  stage_graph  stage_off_pct  off_graph_pct     stage_graph_pct  remark
            dram_write_bytes             100      60         110        50           -40            10                -50              ''
            dram_write_bytes_with_flush  100      70         115        70           -30            15                -30              ''
            dram_read_bytes              50       50         25         100          0              -50               100              ''
            l2_write_sectors             10       12         10         15           20             0                 50               ''
            l2_read_sectors              20       20         30         NULL         0              50                NULL             not measured (stage/graph)
            dram_throughput_pct          41       21         41         NULL         -2000/41       0                 NULL             not measured (stage/graph)
            dram_write_bytes_per_token   100/10   60/5       NULL       NULL         20             NULL              NULL             accepted tokens unknown (off/graph, stage/graph)
            host_ns                      146/3    NULL       35         NULL         NULL           3500*3/146 - 100  NULL             no nsys trace (stage/graph); no range {MASK} (stage/off); with the tracing of every node of a graph (off/graph)
            median_host_ns               40       NULL       35         NULL         NULL           -12.5             NULL             no nsys trace (stage/graph); no range {MASK} (stage/off); with the tracing of every node of a graph (off/graph)
            launches                     3/3      NULL       0          NULL         NULL           -100              NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            launch_ns                    9/3      NULL       0          NULL         NULL           -100              NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            median_launch_ns             1        NULL       0          NULL         NULL           -100              NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            graph_replays                0        NULL       1          NULL         NULL           NULL              NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            graph_replay_ns              0        NULL       4          NULL         NULL           NULL              NULL             no nsys trace (stage/graph); no range {MASK} (stage/off); with the tracing of every node of a graph (off/graph)
            median_graph_replay_ns       0        NULL       4          NULL         NULL           NULL              NULL             no nsys trace (stage/graph); no range {MASK} (stage/off); with the tracing of every node of a graph (off/graph)
            replays_by_node              0        NULL       1          NULL         NULL           NULL              NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            syncs                        1/3      NULL       1          NULL         NULL           200               NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            kernels                      3/3      NULL       2          NULL         NULL           100               NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            gpu_ns                       11/3     NULL       3          NULL         NULL           -200/11           NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            median_gpu_ns                1        NULL       3          NULL         NULL           200               NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            latency_s                    0.6      0.3        0.9        NULL         -50            50                NULL             no imported run tells (stage/graph)
            median_latency_s             0.4      0.2        NULL       NULL         -50            NULL              NULL             no imported run tells (off/graph, stage/graph)
            acceptance_pct               50       25         NULL       NULL         -50            NULL              NULL             no imported run tells (off/graph, stage/graph)
            """
        ),
    ),
    Case(
        "modes as named, whatever the tags say; two traces of one mode that disagree leave open which is meant",
        traces={
            "a": Profile(tags={"nwor_mode": "stage", "scv_mode": "off"}).kernel(dram_write=8, ns=1),
            "b": Profile().kernel(dram_write=8, dram_read=4, ns=1),
            "c": Profile().kernel(dram_write=6, dram_read=3, ns=1).kernel("f", "flush", dram_write=3, ns=1),
            # The graph hides its kernels.
            "d": Recording().range("mask", 0, 8).call(REPLAY, 0, 2, graph(10, 20)),
        },
        params={"mode": {"off/off": "a", "off/graph": ["b", "c", "d"]}, "range": "mask", "flush": "flush"},
        expected=across(
            """
            measure                      off_off  stage_off  off_graph  stage_graph  stage_off_pct  off_graph_pct  stage_graph_pct  remark
            dram_write_bytes             8        NULL       NULL       NULL         NULL           NULL           NULL             more than one trace or run (off/graph); no ncu trace (stage/graph, stage/off)
            dram_write_bytes_with_flush  NULL     NULL       6          NULL         NULL           NULL           NULL             no ncu trace (stage/graph, stage/off); not measured (off/off)
            dram_read_bytes              NULL     NULL       NULL       NULL         NULL           NULL           NULL             more than one trace or run (off/graph); no ncu trace (stage/graph, stage/off); not measured (off/off)
            l2_write_sectors             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (stage/graph, stage/off); not measured (off/graph, off/off)
            l2_read_sectors              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (stage/graph, stage/off); not measured (off/graph, off/off)
            dram_throughput_pct          NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (stage/graph, stage/off); not measured (off/graph, off/off)
            dram_write_bytes_per_token   NULL     NULL       NULL       NULL         NULL           NULL           NULL             accepted tokens unknown (off/graph, off/off); no ncu trace (stage/graph, stage/off)
            host_ns                      NULL     NULL       8          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            median_host_ns               NULL     NULL       8          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            launches                     NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            launch_ns                    NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            median_launch_ns             NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            graph_replays                NULL     NULL       1          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            graph_replay_ns              NULL     NULL       2          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            median_graph_replay_ns       NULL     NULL       2          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            replays_by_node              NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            syncs                        NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            kernels                      NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off); not measured (off/graph)
            gpu_ns                       NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off); not measured (off/graph)
            median_gpu_ns                NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off); not measured (off/graph)
            latency_s                    NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            median_latency_s             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            acceptance_pct               NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            """
        ),
    ),
    Case(
        "runs without any trace: of a sweep the run of that mode, or by its own name; two that disagree leave it open",
        runs={
            "sweep": Runs(
                {"nwor_mode": "off", "scv_mode": "off", "latency_avg_s": 2, "dram__bytes_write.sum": 50},
                {"nwor_mode": "stage", "scv_mode": "off", "latency_avg_s": 3, "dram__bytes_write.sum": 40},
                {"nwor_mode": "stage", "scv_mode": "graph", "latency_avg_s": 4},
            ),
            "other": Runs(
                {"nwor_mode": "off", "scv_mode": "off", "latency_avg_s": 5, "spec_num_accepted_tokens": 8}
            ),
        },
        params={
            "mode": {
                "off/off": "sweep",
                "stage/off": ["sweep"],
                "off/graph": ["sweep:stage/graph", "sweep:stage/off"],
                "stage/graph": "other",
            }
        },
        expected=across(
            """
            measure                      off_off  stage_off  off_graph  stage_graph  stage_off_pct  off_graph_pct  stage_graph_pct  remark
            dram_write_bytes             50       40         40         NULL         -20            -20            NULL             no ncu trace (stage/graph)
            dram_write_bytes_with_flush  NULL     NULL       NULL       NULL         NULL           NULL           NULL             no flush (off/graph, off/off, stage/graph, stage/off)
            dram_read_bytes              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            l2_write_sectors             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            l2_read_sectors              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            dram_throughput_pct          NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            dram_write_bytes_per_token   NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            host_ns                      NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_host_ns               NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            launches                     NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            launch_ns                    NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_launch_ns             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            graph_replays                NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            graph_replay_ns              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_graph_replay_ns       NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            replays_by_node              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            syncs                        NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            kernels                      NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            gpu_ns                       NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_gpu_ns                NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            latency_s                    2        3          NULL       5            50             NULL           150              more than one trace or run (off/graph)
            median_latency_s             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            acceptance_pct               NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            """
        ),
    ),
    Case(
        "equal runs of two sweeps are two; modes that did not do the same work are not compared, and the rest is kept",
        runs={
            "one": Runs(
                {"nwor_mode": "off", "scv_mode": "off", "latency_avg_s": 2, "model": "m", "requests": 8}
            ),
            "two": Runs(
                {"nwor_mode": "off", "scv_mode": "off", "latency_avg_s": 2, "model": "m", "requests": 8}
            ),
            "three": Runs(
                {
                    "nwor_mode": "off",
                    "scv_mode": "graph",
                    "latency_avg_s": 4,
                    "dram__bytes_write.sum": 7,
                    "model": "m",
                    "requests": 8,
                }
            ),
            "four": Runs(
                {
                    "nwor_mode": "stage",
                    "scv_mode": "graph",
                    "latency_avg_s": 3,
                    "spec_acceptance_ratio": 0.5,
                    "model": "n",
                    "requests": 512,
                }
            ),
        },
        expected=across(
            """
            measure                      off_off  stage_off  off_graph  stage_graph  stage_off_pct  off_graph_pct  stage_graph_pct  remark
            dram_write_bytes             NULL     NULL       7          NULL         NULL           NULL           NULL             no ncu trace (off/off, stage/graph, stage/off)
            dram_write_bytes_with_flush  NULL     NULL       NULL       NULL         NULL           NULL           NULL             no flush (off/graph, off/off, stage/graph, stage/off)
            dram_read_bytes              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            l2_write_sectors             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            l2_read_sectors              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            dram_throughput_pct          NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            dram_write_bytes_per_token   NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (off/graph, off/off, stage/graph, stage/off)
            host_ns                      NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_host_ns               NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            launches                     NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            launch_ns                    NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_launch_ns             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            graph_replays                NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            graph_replay_ns              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_graph_replay_ns       NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            replays_by_node              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            syncs                        NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            kernels                      NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            gpu_ns                       NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            median_gpu_ns                NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/graph, off/off, stage/graph, stage/off)
            latency_s                    NULL     NULL       NULL       NULL         NULL           NULL           NULL             more than one trace or run (off/off); no imported run tells (stage/off); not of the same model, requests (off/graph, stage/graph)
            median_latency_s             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            acceptance_pct               NULL     NULL       NULL       50           NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/off)
            """
        ),
    ),
]
