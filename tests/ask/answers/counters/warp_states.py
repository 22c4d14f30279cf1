"""Cases of warp_states: the states of most cycles, their share, means over time, and what is not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, across
from made.ncu import Profile

if TYPE_CHECKING:
    from made.ncu import Value


def states(latency: float | None, **cycles: float) -> dict[str, Value]:
    """What --section WarpStateStats records; one of the metrics is of another question."""
    metrics: dict[str, Value] = {
        f"smsp__average_warps_issue_stalled_{state}_per_issue_active.ratio": value
        for state, value in cycles.items()
    }
    metrics["smsp__average_warps_issue_stalled_wait_not_issued_per_issue_active.ratio"] = 99
    if latency is not None:
        metrics["smsp__average_warp_latency_per_inst_issued.ratio"] = latency
    return metrics


LACKS = "warp states (--section WarpStateStats)"

CASES = [
    Case(
        "the three states of most cycles of each kernel, by name where they are equal; means are over time",
        traces={
            "a": Profile()
            .kernel(
                "add", ns=30, metrics=states(20, long_scoreboard=12, selected=1, wait=4, barrier=1, misc=2)
            )
            .kernel(
                "add", ns=10, metrics=states(40, long_scoreboard=32, selected=1, wait=0, barrier=5, misc=2)
            )
            .kernel("mul", ns=10, metrics=states(4, wait=2, selected=1, brand_new=1))
            .kernel("nop", ns=5)
        },
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  state            cycles_per_instruction  share_pct  meaning  lacks
            # (30 * 12 + 10 * 32) / 40 of (30 * 20 + 10 * 40) / 40
            a      add         NULL       2        40      long_scoreboard  17                      100 * 17 / 25  waits for data of global, local, surface or texture memory  NULL
            a      add         NULL       2        40      wait             3                       12  waits for a fixed number of cycles, as most instructions want before the next one  NULL
            a      add         NULL       2        40      barrier          2                       8   waits for the other warps of its block, as at __syncthreads()  NULL
            a      mul         NULL       1        10      wait             2                       50  waits for a fixed number of cycles, as most instructions want before the next one  NULL
            a      mul         NULL       1        10      brand_new        1                       25  NULL  NULL
            a      mul         NULL       1        10      selected         1                       25  issues an instruction: no stall  NULL
            a      nop         NULL       1        5       NULL             NULL                    NULL  NULL  {LACKS}
            """
        ),
    ),
    Case(
        "one by one, all states; without the cycles between two instructions there is no share",
        traces={
            "a": Profile()
            .kernel("add", ns=30, metrics=states(10, membar=6, selected=1))
            .kernel("add", ns=10, metrics=states(None, sleeping=3))
        },
        params={"by": "launch", "limit": None},
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  state     cycles_per_instruction  share_pct  meaning  lacks
            a      add         1          1        30      membar    6                       60         waits for a memory fence  NULL
            a      add         1          1        30      selected  1                       10         issues an instruction: no stall  NULL
            a      add         2          1        10      sleeping  3                       NULL       sleeps, as told by nanosleep  {LACKS}
            """
        ),
    ),
    Case(
        "by range",
        traces={
            "a": Profile()
            .kernel("add", "step", ns=10, metrics=states(10, wait=6))
            .kernel("mul", "step", ns=10, metrics=states(20, wait=12))
            .kernel("mul", ns=10, metrics=states(10, wait=1))
        },
        params={"by": "range", "limit": 1},
        expected=across(
            """
            trace  group_name  kernel_id  kernels  gpu_ns  state  cycles_per_instruction  share_pct  meaning  lacks
            a      step        NULL       2        20      wait   9                       60         waits for a fixed number of cycles, as most instructions want before the next one  NULL
            a      NULL        NULL       1        10      wait   1                       10         waits for a fixed number of cycles, as most instructions want before the next one  NULL
            """
        ),
    ),
]
