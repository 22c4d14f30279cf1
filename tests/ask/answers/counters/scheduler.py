"""Cases of scheduler: the counters of its page, their means over time, and what is not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, down
from made.ncu import Profile

if TYPE_CHECKING:
    from made.ncu import Value


def scheduled(busy: float, none: float, active: float, eligible: float, issued: float) -> dict[str, Value]:
    """What --section SchedulerStats --section ComputeWorkloadAnalysis records; ipc is that of four schedulers."""
    return {
        "sm__inst_issued.avg.pct_of_peak_sustained_elapsed": busy,
        "smsp__issue_inst0.avg.pct_of_peak_sustained_active": none,
        "smsp__maximum_warps_avg_per_active_cycle": 16,
        "smsp__warps_active.avg.per_cycle_active": active,
        "smsp__warps_eligible.avg.per_cycle_active": eligible,
        "smsp__issue_active.avg.per_cycle_active": issued,
        "sm__inst_executed.avg.per_cycle_active": 4 * issued,
    }


ISSUE = "--section ComputeWorkloadAnalysis"
SECTION = "--section SchedulerStats"

CASES = [
    Case(
        "launches of one kernel: the mean over time; old reports count issue slots of active cycles",
        traces={
            "a": Profile()
            .kernel("add", ns=30, metrics=scheduled(70, 20, 12, 4, 0.8))
            .kernel("add", ns=10, metrics=scheduled(30, 60, 8, 2, 0.4))
            .kernel("old", ns=20, metrics={"sm__inst_issued.avg.pct_of_peak_sustained_active": 33})
        },
        expected=down(
            f"""
            trace                 a      a
            group_name            add    old
            kernel_id             NULL   NULL
            kernels               2      1
            gpu_ns                40     20
            issue_slots_busy_pct  60     33  # (30 * 70 + 10 * 30) / 40
            no_eligible_pct       30     NULL
            theoretical_warps     16     NULL
            active_warps          11     NULL
            eligible_warps        3.5    NULL
            issued_warps          0.7    NULL
            ipc                   2.8    NULL
            lacks                 NULL   cycles without eligible warps ({SECTION}); theoretical warps ({SECTION}); active warps ({SECTION}); eligible warps ({SECTION}); issued warps ({SECTION}); instructions per cycle ({ISSUE})
            """
        ),
    ),
    Case(
        "one by one",
        traces={
            "a": Profile()
            .kernel("add", "step", ns=10, metrics=scheduled(70, 20, 12, 4, 0.5))
            .kernel("add", "step", ns=30, metrics=scheduled(30, 60, 8, 2, 0.25))
        },
        params={"by": "launch"},
        expected=down(
            """
            trace                 a     a
            group_name            add   add
            kernel_id             2     1
            kernels               1     1
            gpu_ns                30    10
            issue_slots_busy_pct  30    70
            no_eligible_pct       60    20
            theoretical_warps     16    16
            active_warps          8     12
            eligible_warps        2     4
            issued_warps          0.25  0.5
            ipc                   1     2
            lacks                 NULL  NULL
            """
        ),
    ),
    Case(
        "a whole graph or range has no theoretical warps, whatever ncu says",
        traces={"a": Profile().graph("g", ns=10, metrics=scheduled(70, 20, 12, 4, 0.5))},
        expected=down(
            """
            trace                 a
            group_name            g
            kernel_id             NULL
            kernels               1
            gpu_ns                10
            issue_slots_busy_pct  70
            no_eligible_pct       20
            theoretical_warps     NULL
            active_warps          12
            eligible_warps        4
            issued_warps          0.5
            ipc                   2
            lacks                 launch of one kernel (--graph-profiling node, --replay-mode kernel)
            """
        ),
    ),
]
