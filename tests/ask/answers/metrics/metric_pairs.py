"""Cases of metric_pairs: two counters of one workload in one row."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

READ, TIME = "dram__bytes_read.sum", "gpu__time_duration.sum"

CASES = [
    Case(
        "workloads that hold both are listed, also where one has no value",
        traces={
            "b": Profile().kernel("gemm", ns=10, dram_read=4).kernel("copy", ns=7),
            "a": Profile()
            .kernel("gemm", "step/mlp", ns=20, dram_read=64)
            .kernel("gemm", "step", ns=30, dram_read=None)
            .kernel("copy", ns=5, dram_write=3),
        },
        params={"x": READ, "y": TIME},
        expected=across(
            f"""
            trace  kernel_id  kernel  path        x_metric  x_unit  x_value  y_metric  y_unit  y_value
            a      1          gemm    step/mlp    {READ}    byte    64       {TIME}    ns      20
            a      2          gemm    step        {READ}    byte    NULL     {TIME}    ns      30
            b      1          gemm    NULL        {READ}    byte    4        {TIME}    ns      10
            """
        ),
    ),
    Case(
        "of one trace, by the kernel's name; a path is that of the innermost range of the default domain",
        traces={
            "a": Profile()
            .kernel("gemm", "step/mlp/up", domains={"lib": "deep/deeper/deepest/more"}, ns=20, dram_read=64)
            .kernel("copy", "step", ns=30, dram_read=2),
            "b": Profile().kernel("gemm", ns=10, dram_read=4),
        },
        params={"x": TIME, "y": READ, "trace": "a", "kernel": "g?mm"},
        expected=across(
            f"""
            trace  kernel_id  kernel  path         x_metric  x_unit  x_value  y_metric  y_unit  y_value
            a      1          gemm    step/mlp/up  {TIME}    ns      20       {READ}    byte    64
            """
        ),
    ),
]
