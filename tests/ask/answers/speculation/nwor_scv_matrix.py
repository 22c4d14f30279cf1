"""Cases of nwor_scv_matrix: four modes, each with the traces and runs that there are."""

from __future__ import annotations

from typing import Any

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, graph, kernel
from made.runs import Runs

LAUNCH, REPLAY = "cudaLaunchKernel_v7000", "cudaGraphLaunch_v10000"
MASK = "scv_compute_mask"


def profile(nwor: str, scv: str, **counters: Any) -> Profile:
    """The traffic of a step, and caches that are flushed before it."""
    return (
        Profile(tags={"nwor_mode": nwor, "scv_mode": scv})
        .kernel("flush", "flush/l2", dram_write=9000, dram_read=9000, l2_write=9000, l2_read=9000)
        .kernel("write", "step/write", **counters)
        .kernel("sum", "step", dram_write=0, dram_read=0, l2_write=0, l2_read=0)
    )


CASES = [
    Case(
        "tags tell the modes; what a mode has no trace, range, counter or run for is not known",
        traces={
            "p1": profile("off", "off", dram_write=100, dram_read=50, l2_write=10, l2_read=20),
            "p2": profile("stage", "off", dram_write=60, dram_read=50, l2_write=12, l2_read=20),
            "p3": profile("off", "graph", dram_write=110, dram_read=25, l2_write=10, l2_read=30),
            "p4": profile("stage", "graph", dram_write=50, dram_read=100, l2_write=None),
            "t1": Recording(nwor_mode="off", scv_mode="off")
            .range(MASK, 0, 100)
            .call(LAUNCH, 10, 15, kernel("k", 20, 27))
            .call(LAUNCH, 20, 23, kernel("k", 30, 33))
            .call("cudaStreamSynchronize", 40, 60)
            .range(MASK, 200, 240)
            .call(LAUNCH, 300, 305, kernel("k", 310, 320)),
            "t2": Recording(nwor_mode="stage", scv_mode="off").range("step", 0, 10),
            "t3": Recording(nwor_mode="off", scv_mode="graph")
            .range(MASK, 0, 35)
            .call(REPLAY, 5, 9, kernel("k", 10, 12, node=1), kernel("k", 12, 13, node=2))
            .call("cudaDeviceSynchronize", 10, 15),
        },
        runs={
            "latency": Runs(
                {
                    "nwor_mode": "off",
                    "scv_mode": "off",
                    "latency_avg_s": [0.5, 0.7],
                    "spec_num_accepted_tokens": 10,
                    "spec_num_draft_tokens": 20,
                },
                {
                    "nwor_mode": "stage",
                    "scv_mode": "off",
                    "latency_avg_s": 0.3,
                    "spec_num_accepted_tokens": 5,
                    "spec_num_draft_tokens": 20,
                },
                {"nwor_mode": "off", "scv_mode": "graph", "latency_avg_s": 0.9},
            )
        },
        params={"exclude": "flush"},
        expected=across(
            f"""
            measure                     off_off  stage_off  off_graph  stage_graph  stage_off_pct  off_graph_pct  stage_graph_pct  remark
            dram_write_bytes            100      60         110        50           -40            10             -50              ''
            dram_read_bytes             50       50         25         100          0              -50            100              ''
            l2_write_sectors            10       12         10         NULL         20             0              NULL             not measured (stage/graph)
            l2_read_sectors             20       20         30         NULL         0              50             NULL             not measured (stage/graph)
            dram_write_bytes_per_token  100/10   60/5       NULL       NULL         20             NULL           NULL             accepted tokens unknown (off/graph, stage/graph)
            # per instance, of which off/off has two
            host_ns                     140/2    NULL       35         NULL         NULL           -50            NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            launches                    2/2      NULL       0          NULL         NULL           -100           NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            launch_ns                   8/2      NULL       0          NULL         NULL           -100           NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            graph_replays               0        NULL       1          NULL         NULL           NULL           NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            graph_replay_ns             0        NULL       4          NULL         NULL           NULL           NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            syncs                       1/2      NULL       1          NULL         NULL           100            NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            kernels                     2/2      NULL       2          NULL         NULL           100            NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            gpu_ns                      10/2     NULL       3          NULL         NULL           -40            NULL             no nsys trace (stage/graph); no range {MASK} (stage/off)
            latency_s                   0.6      0.3        0.9        NULL         -50            50             NULL             no imported run tells (stage/graph)
            acceptance_pct              50       25         NULL       NULL         -50            NULL           NULL             no imported run tells (off/graph, stage/graph)
            """
        ),
    ),
    Case(
        "modes as named, whatever the tags say; two traces of one mode that disagree leave open which is meant",
        traces={
            "a": Profile(tags={"nwor_mode": "stage", "scv_mode": "off"}).kernel(dram_write=8, ns=1),
            "b": Profile().kernel(dram_write=8, dram_read=4, ns=1),
            "c": Profile().kernel(dram_write=6, dram_read=3, ns=1),
            # The graph hides its kernels.
            "d": Recording().range("mask", 0, 8).call(REPLAY, 0, 2, graph(10, 20)),
        },
        params={"mode": {"off/off": "a", "off/graph": ["b", "c", "d"]}, "range": "mask"},
        expected=across(
            """
            measure                     off_off  stage_off  off_graph  stage_graph  stage_off_pct  off_graph_pct  stage_graph_pct  remark
            dram_write_bytes            8        NULL       NULL       NULL         NULL           NULL           NULL             more than one trace (off/graph); no ncu trace (stage/graph, stage/off)
            dram_read_bytes             NULL     NULL       NULL       NULL         NULL           NULL           NULL             more than one trace (off/graph); no ncu trace (stage/graph, stage/off); not measured (off/off)
            l2_write_sectors            NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (stage/graph, stage/off); not measured (off/graph, off/off)
            l2_read_sectors             NULL     NULL       NULL       NULL         NULL           NULL           NULL             no ncu trace (stage/graph, stage/off); not measured (off/graph, off/off)
            dram_write_bytes_per_token  NULL     NULL       NULL       NULL         NULL           NULL           NULL             accepted tokens unknown (off/graph, off/off); no ncu trace (stage/graph, stage/off)
            host_ns                     NULL     NULL       8          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            launches                    NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            launch_ns                   NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            graph_replays               NULL     NULL       1          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            graph_replay_ns             NULL     NULL       2          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            syncs                       NULL     NULL       0          NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off)
            kernels                     NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off); not measured (off/graph)
            gpu_ns                      NULL     NULL       NULL       NULL         NULL           NULL           NULL             no nsys trace (off/off, stage/graph, stage/off); not measured (off/graph)
            latency_s                   NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            acceptance_pct              NULL     NULL       NULL       NULL         NULL           NULL           NULL             no imported run tells (off/graph, off/off, stage/graph, stage/off)
            """
        ),
    ),
]
