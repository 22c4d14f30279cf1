"""Cases of metric: what counts as a value, and which workloads it is listed for."""

from __future__ import annotations

import math

from made.case import Case, across
from made.ncu import Profile

ROOF = "dram__throughput.avg.pct_of_peak_sustained_elapsed"

TWO = {
    "before": Profile()
    .kernel("gemm", "step/mlp", metrics={ROOF: (62.5, "%"), "launch__func_cache_config": "PreferShared"})
    .kernel("copy", metrics={ROOF: (0, "%")})
    .label(ROOF, "DRAM Throughput"),
    # Asked for and not counted; not a number; not asked for.
    "after": Profile()
    .kernel("gemm", domains={"lib": "inner"}, metrics={ROOF: (None, "%")})
    .kernel("copy", startend=["request 1"], metrics={ROOF: (math.nan, "%")})
    .kernel("norm", "step", metrics={"sm__warps_launched.sum": (8, "warp")}),
}

CASES = [
    Case(
        "no value is NULL and a counted 0 is 0; a metric that a workload lacks has no row",
        traces=TWO,
        params={"metric": ROOF},
        expected=across(
            f"""
            trace   kernel_id  kernel  path        metric  label            unit  value  text
            after   1          gemm    NULL        {ROOF}  NULL             %     NULL   NULL  # another domain is no path
            after   2          copy    NULL        {ROOF}  NULL             %     NULL   nan   # nor is a start/end range
            before  1          gemm    step/mlp    {ROOF}  DRAM Throughput  %     62.5   NULL
            before  2          copy    NULL        {ROOF}  DRAM Throughput  %     0      NULL
            """
        ),
    ),
    Case(
        "a pattern finds texts and numbers alike, of the kernels of one trace that are called so",
        traces=TWO,
        params={"metric": "%", "trace": "before", "kernel": "g%"},
        expected=across(
            f"""
            trace   kernel_id  kernel  path        metric                     label            unit  value  text
            before  1          gemm    step/mlp    {ROOF}                     DRAM Throughput  %     62.5   NULL
            before  1          gemm    step/mlp    launch__device_id          NULL             ''    0      NULL
            before  1          gemm    step/mlp    launch__func_cache_config  NULL             ''    NULL   PreferShared
            """
        ),
    ),
    Case(
        "a metric is found by its label, too, where a section of the report says it",
        traces=TWO,
        params={"metric": "DRAM Throughput"},
        expected=across(
            f"""
            trace   kernel_id  kernel  path        metric  label            unit  value  text
            before  1          gemm    step/mlp    {ROOF}  DRAM Throughput  %     62.5   NULL
            before  2          copy    NULL        {ROOF}  DRAM Throughput  %     0      NULL
            """
        ),
    ),
]
