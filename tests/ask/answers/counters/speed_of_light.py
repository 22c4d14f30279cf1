"""Cases of speed_of_light: shares of the peaks as ncu counts them, the mean over time, and each verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, down
from made.ncu import Profile

if TYPE_CHECKING:
    from made.ncu import Value


def light(
    sm: float, memory: float, *, dram: float = 0, l2: float = 0, l1: float = 0, waves: float | None = None
) -> dict[str, Value]:
    """What --section SpeedOfLight --section LaunchStats records."""
    metrics: dict[str, Value] = {
        "sm__throughput.avg.pct_of_peak_sustained_elapsed": sm,
        "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed": memory,
        "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed": dram,
        "lts__throughput.avg.pct_of_peak_sustained_elapsed": l2,
        "l1tex__throughput.avg.pct_of_peak_sustained_active": l1,
    }
    return metrics if waves is None else {**metrics, "launch__waves_per_multiprocessor": waves}


SECTION = "--section SpeedOfLight"

CASES = [
    Case(
        "launches of one kernel: the mean over time; what one of them lacks is that of the other",
        traces={
            "a": Profile()
            .kernel(
                "add",
                ns=30,
                dram_read=50,
                dram_write=40,
                metrics=light(10, 70, dram=70, l2=30, l1=20, waves=4),
            )
            .kernel("add", ns=10, metrics=light(50, 70, dram=70, l2=10, l1=60, waves=8))
            .kernel("nop", ns=5)
        },
        expected=down(
            f"""
            trace             a                    a
            group_name        add                  nop
            kernel_id         NULL                 NULL
            kernels           2                    1
            gpu_ns            40                   5
            compute_pct       20                   NULL  # (30 * 10 + 10 * 50) / 40
            memory_pct        70                   NULL
            dram_pct          70                   NULL
            l2_pct            25                   NULL
            l1_pct            30                   NULL
            dram_bytes_per_s  90 / 30e-9           NULL
            waves             5                    NULL
            verdict           memory               NULL
            limiter           DRAM                 NULL
            lacks             DRAM bytes (--section MemoryWorkloadAnalysis) of 1 of 2 kernels  compute ({SECTION}); memory ({SECTION}); DRAM ({SECTION}); L2 ({SECTION}); L1 ({SECTION}); DRAM bytes (--section MemoryWorkloadAnalysis); waves (--section LaunchStats)
            """
        ),
    ),
    Case(
        "one by one: each verdict, and the unit that is next to the throughput of the memory system",
        traces={
            "a": Profile()
            .kernel("k", "high", ns=90, metrics=light(80, 20, waves=0.5))
            .kernel("k", "compute", ns=80, metrics=light(79.9, 69, waves=0.5))
            .kernel("k", "memory", ns=70, metrics=light(20, 60, dram=60, l2=65, l1=90, waves=2))
            .kernel("k", "balanced", ns=60, metrics=light(60, 65, dram=5, l2=66, l1=90, waves=2))
            .kernel("k", "latency", ns=50, metrics=light(59, 59.5, l1=80, waves=1))
            .kernel("k", "grid", ns=40, metrics=light(59, 59, waves=0.9))
            .kernel("k", "grid", ns=30, metrics=light(1, 2, dram=1, l2=3, l1=1))
        },
        params={"by": "launch"},
        expected=down(
            """
            trace             a     a        a       a         a        a           a
            group_name        k     k        k       k         k        k           k
            kernel_id         1     2        3       4         5        6           7
            kernels           1     1        1       1         1        1           1
            gpu_ns            90    80       70      60        50       40          30
            compute_pct       80    79.9     20      60        59       59          1
            memory_pct        20    69       60      65        59.5     59          2
            dram_pct          0     0        60      5         0        0           1
            l2_pct            0     0        65      66        0        0           3
            l1_pct            0     0        90      90        80       0           1
            dram_bytes_per_s  NULL  NULL     NULL    NULL      NULL     NULL        NULL
            waves             0.5   0.5      2       2         1        0.9         NULL
            verdict           high  compute  memory  balanced  latency  small_grid  latency
            limiter           SM    SM       DRAM    L2        L1       SM          DRAM  # all are as near
            lacks             DRAM bytes (--section MemoryWorkloadAnalysis)  DRAM bytes (--section MemoryWorkloadAnalysis)  DRAM bytes (--section MemoryWorkloadAnalysis)  DRAM bytes (--section MemoryWorkloadAnalysis)  DRAM bytes (--section MemoryWorkloadAnalysis)  DRAM bytes (--section MemoryWorkloadAnalysis)  DRAM bytes (--section MemoryWorkloadAnalysis); waves (--section LaunchStats)
            """
        ),
    ),
    Case(
        "by the innermost range of a domain",
        traces={
            "a": Profile()
            .kernel("mul", "step/mlp", ns=10, dram_read=1, metrics=light(90, 10, waves=3))
            .kernel("add", "step/mlp", ns=30, dram_write=1, metrics=light(70, 10, waves=3))
            .kernel("add", ns=10, dram_read=1, dram_write=0, metrics=light(10, 20, dram=20, waves=3))
        },
        params={"by": "range"},
        expected=down(
            """
            trace             a                a
            group_name        step/mlp         NULL
            kernel_id         NULL             NULL
            kernels           2                1
            gpu_ns            40               10
            compute_pct       75               10
            memory_pct        10               20
            dram_pct          0                20
            l2_pct            0                0
            l1_pct            0                0
            dram_bytes_per_s  NULL             1e8
            waves             3                3
            verdict           compute          latency
            limiter           SM               DRAM
            lacks             DRAM bytes (--section MemoryWorkloadAnalysis)  NULL
            """
        ),
    ),
    Case(
        "of a whole range ncu tells the waves of one of its kernels, which say nothing of the range",
        traces={
            "a": Profile().range("r", ns=10, dram_read=1, dram_write=0, metrics=light(10, 20, waves=0.5))
        },
        expected=down(
            """
            trace             a
            group_name        r
            kernel_id         NULL
            kernels           1
            gpu_ns            10
            compute_pct       10
            memory_pct        20
            dram_pct          0
            l2_pct            0
            l1_pct            0
            dram_bytes_per_s  1e8
            waves             NULL
            verdict           latency
            limiter           DRAM
            lacks             launch of one kernel (--graph-profiling node, --replay-mode kernel)
            """
        ),
    ),
]
