"""Cases of range_roofline: a range holds what runs in the ranges inside it.

The roofs of `made.ncu.roofline`: DRAM 10, L2 20 and L1 40 bytes per ns, fp32 200 and bf16 1,000 FLOP per ns.
"""

from __future__ import annotations

from made.case import Case, down
from made.ncu import Profile, roofline

NESTED = {
    "made": Profile()
    .gpu("NVIDIA H200")
    .kernel("gemm", "step/mlp", metrics=roofline(bf16=400_000, dram=1000, l2=2000, l1=4000))
    # A range in itself holds the kernel once; a range of another domain, and a start/end range, are others.
    .kernel(
        "copy",
        "step/step",
        domains={"lib": "step"},
        startend=["step"],
        metrics=roofline(dram=3000, l2=2000, l1=4000),
    )
    .kernel("copy", metrics=roofline(dram=7000)),
}

CASES = [
    Case(
        "work counts for every range around it, of the default domain",
        traces=NESTED,
        params={"useful_flop": 200_000},
        expected=down(
            """
            trace                      made                made             made
            path                       step                step/mlp         step/step
            kernels                    2                   1                1
            gpu_ns                     1000 + 1000         1000             1000
            flop                       400000 + 0          400000           0
            at_least                   false           false           false
            precision                  bf16                bf16             NULL
            bound                      memory_bound        compute_bound    memory_bound  # 400 ns of bf16, 400 of DRAM; 400, 100; 0, 300
            dram_flop_per_byte         100                 400              0
            flop_per_s                 2e11                4e11             0
            dram_bytes_per_s           2e9                 1e9              3e9
            compute_pct                20                  40               NULL
            dram_pct                   20                  10               30
            datasheet_compute_pct      100 * 200 / 989400  100 * 400 / 989400  NULL
            datasheet_dram_pct         100 * 2 / 4800      100 * 1 / 4800   100 * 3 / 4800
            profiled_flop_per_s        1e12                1e12             NULL
            profiled_dram_bytes_per_s  1e10                1e10             1e10
            profiled_l2_bytes_per_s    2e10                2e10             2e10
            profiled_l1_bytes_per_s    4e10                4e10             4e10
            datasheet_flop_per_s       989.4e12            989.4e12         NULL
            datasheet_dram_bytes_per_s  4.8e12             4.8e12           4.8e12
            datasheet_source          datasheet  datasheet  datasheet
            bound_by                   profiled            profiled         profiled
            flop_by_precision          {bf16: 400000.0}    {bf16: 400000.0}  NULL
            dram_bytes                 1000 + 3000         1000             3000
            l2_bytes                   2000 + 2000         2000             2000
            l1_bytes                   4000 + 4000         4000             4000
            l2_flop_per_byte           100                 200              0
            l1_flop_per_byte           50                  100              0
            l2_bytes_per_s             2e9                 2e9              2e9
            l1_bytes_per_s             4e9                 4e9              4e9
            l2_pct                     10                  10               10
            l1_pct                     10                  10               10
            l2_metric                  lts__lts2xbar_cycles_active.sum    lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL                NULL             NULL
            useful_flop                200000              200000           200000
            executed_per_useful        2                   2                0
            """
        ),
    ),
    Case(
        "ranges of another domain, by their path, of one trace",
        traces={
            **NESTED,
            "other": Profile().kernel("copy", domains={"lib": "step"}, metrics=roofline(dram=1)),
        },
        params={"domain": "lib", "path": "st?p", "trace": "made"},
        expected=down(
            """
            trace                      made
            path                       step
            kernels                    1
            gpu_ns                     1000
            flop                       0
            at_least                   false
            precision                  NULL
            bound                      memory_bound
            dram_flop_per_byte         0
            flop_per_s                 0
            dram_bytes_per_s           3e9
            compute_pct                NULL
            dram_pct                   30
            datasheet_compute_pct      NULL
            datasheet_dram_pct         100 * 3 / 4800
            profiled_flop_per_s        NULL
            profiled_dram_bytes_per_s  1e10
            profiled_l2_bytes_per_s    2e10
            profiled_l1_bytes_per_s    4e10
            datasheet_flop_per_s       NULL
            datasheet_dram_bytes_per_s  4.8e12
            datasheet_source          datasheet
            bound_by                   profiled
            flop_by_precision          NULL
            dram_bytes                 3000
            l2_bytes                   2000
            l1_bytes                   4000
            l2_flop_per_byte           0
            l1_flop_per_byte           0
            l2_bytes_per_s             2e9
            l1_bytes_per_s             4e9
            l2_pct                     10
            l1_pct                     10
            l2_metric                  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL
            useful_flop                NULL
            executed_per_useful        NULL
            """
        ),
    ),
]
