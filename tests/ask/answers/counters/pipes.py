"""Cases of pipes: cycles and instructions of each pipe, of all cycles and of active ones, the busiest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, across
from made.ncu import Profile

if TYPE_CHECKING:
    from made.ncu import Value

_SHARE = "avg.pct_of_peak_sustained"


def pipe(name: str, busy: float, instructions: float, *, active: float = 2) -> dict[str, Value]:
    """Its counters, those of active cycles so many times as high."""
    return {
        f"sm__pipe_{name}_cycles_active.{_SHARE}_elapsed": busy,
        f"sm__inst_executed_pipe_{name}.{_SHARE}_elapsed": instructions,
        f"sm__pipe_{name}_cycles_active.{_SHARE}_active": active * busy,
        f"sm__inst_executed_pipe_{name}.{_SHARE}_active": active * instructions,
    }


LACKS = "pipes (--section ComputeWorkloadAnalysis)"
FMA = "fp32 arithmetic and integer products"
TENSOR = "tensor cores, all types"
LSU = "loads, stores and atomics of global, local and shared memory"

CASES = [
    Case(
        "the busiest pipes of each kernel; means are over time, and one that is only counted in instructions counts",
        traces={
            "a": Profile()
            .kernel(
                "gemm",
                ns=30,
                metrics={
                    **pipe("tensor", 40, 20),
                    **pipe("fma", 10, 8),
                    f"sm__inst_executed_pipe_lsu.{_SHARE}_active": 21,
                    f"sm__pipe_brand_new_cycles_active.{_SHARE}_elapsed": 1,
                    f"sm__pipe_tensor_type_hmma_imma_cycles_active.{_SHARE}_elapsed": 99,
                },
            )
            .kernel("gemm", ns=10, metrics={**pipe("tensor", 20, 8), **pipe("fma", 10, 4)})
            .kernel("nop", ns=5)
        },
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  pipe       busy_pct  instructions_pct  active_busy_pct  active_instructions_pct  meaning   lacks
            a      gemm        NULL       2        40      tensor     35        17                70               34                       {TENSOR}  NULL
            a      gemm        NULL       2        40      lsu        NULL      NULL              NULL             21                       {LSU}     NULL
            a      gemm        NULL       2        40      fma        10        7                 20               14                       {FMA}     NULL
            a      gemm        NULL       2        40      brand_new  1         NULL              NULL             NULL                     NULL      NULL
            a      nop         NULL       1        5       NULL       NULL      NULL              NULL             NULL                     NULL      {LACKS}
            """
        ),
    ),
    Case(
        "one by one, some pipes only",
        traces={
            "a": Profile()
            .kernel(
                "gemm",
                ns=30,
                metrics={**pipe("tensor", 40, 20), **pipe("tensor_op_hmma", 40, 20), **pipe("fma", 90, 90)},
            )
            .kernel("gemm", ns=10, metrics={**pipe("tensor", 20, 8)})
        },
        params={"by": "launch", "pipe": "tensor*", "limit": 1},
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  pipe    busy_pct  instructions_pct  active_busy_pct  active_instructions_pct  meaning   lacks
            a      gemm        1          1        30      tensor  40        20                80               40                       {TENSOR}  NULL
            a      gemm        2          1        10      tensor  20        8                 40               16                       {TENSOR}  NULL
            """
        ),
    ),
    Case(
        "by range; what one of the launches does not have is said",
        traces={
            "a": Profile()
            .kernel("gemm", "step", ns=30, metrics=pipe("fma", 40, 20))
            .kernel("mul", "step", ns=10)
        },
        params={"by": "range"},
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  pipe  busy_pct  instructions_pct  active_busy_pct  active_instructions_pct  meaning  lacks
            a      step        NULL       2        40      fma   40        20                80               40                       {FMA}    {LACKS} of 1 of 2 kernels
            """
        ),
    ),
]
