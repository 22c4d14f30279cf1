"""Cases of kernel_roofline: sums over launches, the two kinds of peaks, and what a report lacks.

The roofs of `made.ncu.roofline`: DRAM 10, L2 20 and L1 40 bytes per ns, fp32 200 and bf16 1,000 FLOP per ns.
"""

from __future__ import annotations

from made.case import Case, down
from made.ncu import Profile, roofline

WITHOUT_PEAKS = {
    name: value
    for name, value in roofline(bf16=494_700_000, dram=1_200_000, l2=2_400_000, l1=4_800_000).items()
    if not name.endswith(".peak_sustained")
}

CASES = [
    Case(
        "launches of one kernel add up; what did no FLOP is bound by memory, at intensity 0",
        traces={
            "made": Profile()
            .gpu("NVIDIA H200")
            .kernel("gemm", "step", metrics=roofline(bf16=500_000, dram=1000, l2=4000, l1=8000))
            .kernel("copy", "step", metrics=roofline(dram=5000, l2=5000, l1=5000))
            .kernel(
                "gemm",
                metrics={
                    **roofline(bf16=1_500_000, dram=3000, l2=8000, l1=12_000),
                    "gpu__time_duration.sum": 3000,
                },
            )
        },
        expected=down(
            """
            trace                      made                made
            kernel                     gemm                copy
            kernel_id                  NULL                NULL
            category                   gemm                elementwise
            path                       NULL                NULL
            kernels                    2                   1
            gpu_ns                     1000 + 3000         1000
            flop                       500000 + 1500000    0
            precision                  bf16                NULL
            bound                      compute_bound       memory_bound  # 2,000 ns of bf16 and 400 of DRAM; 0 and 500
            dram_flop_per_byte         2000000/4000        0
            flop_per_s                 5e11                0             # 500 FLOP in a ns
            dram_bytes_per_s           1e9                 5e9
            compute_pct                50                  NULL
            dram_pct                   10                  50
            datasheet_compute_pct      100 * 500 / 989400  NULL
            datasheet_dram_pct         100 * 1 / 4800      100 * 5 / 4800
            profiled_flop_per_s        1e12                NULL
            profiled_dram_bytes_per_s  1e10                1e10
            profiled_l2_bytes_per_s    2e10                2e10
            profiled_l1_bytes_per_s    4e10                4e10
            datasheet_flop_per_s       989.4e12            NULL
            datasheet_dram_bytes_per_s  4.8e12             4.8e12
            bound_by                   profiled            profiled
            flop_by_precision          {bf16: 2000000.0}   NULL
            dram_bytes                 1000 + 3000         5000
            l2_bytes                   4000 + 8000         5000
            l1_bytes                   8000 + 12000        5000
            l2_flop_per_byte           2000000/12000       0
            l1_flop_per_byte           2000000/20000       0
            l2_bytes_per_s             3e9                 5e9
            l1_bytes_per_s             5e9                 5e9
            l2_pct                     15                  25
            l1_pct                     12.5                12.5
            l2_metric                  lts__t_bytes.sum    lts__t_bytes.sum
            l1_metric                  l1tex__t_bytes.sum  l1tex__t_bytes.sum
            lacks                      NULL                NULL
            useful_flop                NULL                NULL
            executed_per_useful        NULL                NULL
            """
        ),
    ),
    Case(
        "one by one: the roof of arithmetic is that of the precision that takes longest; no time, no rate",
        traces={
            "made": Profile(tags={"m": "10", "n": "20", "k": "30"})
            .gpu("A card that nobody publishes")
            .kernel("gemm", "step/mlp", metrics=roofline(bf16=300_000, fp32=100_000, dram=1000))
            .kernel("copy", metrics=roofline(dram=1))
            .kernel(
                "gemm",
                metrics={
                    name: value
                    for name, value in roofline(bf16=3000, dram=400, l2=600, l1=1000).items()
                    if name != "gpu__time_duration.sum"
                },
            )
        },
        params={"by": "launch", "kernel": "g%"},
        expected=down(
            """
            trace                      made                made
            kernel                     gemm                gemm
            kernel_id                  1                   3
            category                   gemm                gemm
            path                       step/mlp            NULL
            kernels                    1                   1
            gpu_ns                     1000                NULL
            flop                       400000              3000
            precision                  fp32                bf16          # 100,000 at 200 per ns are 500 ns, 300,000 at 1,000 are 300
            bound                      compute_bound       memory_bound  # 500 and 100 ns; 3 and 40 ns
            dram_flop_per_byte         400                 7.5
            flop_per_s                 4e11                NULL
            dram_bytes_per_s           1e9                 NULL
            compute_pct                50                  NULL
            dram_pct                   10                  NULL
            datasheet_compute_pct      NULL                NULL
            datasheet_dram_pct         NULL                NULL
            profiled_flop_per_s        2e11                1e12
            profiled_dram_bytes_per_s  1e10                1e10
            profiled_l2_bytes_per_s    NULL                2e10          # of no bytes, no rate
            profiled_l1_bytes_per_s    NULL                4e10
            datasheet_flop_per_s       NULL                NULL
            datasheet_dram_bytes_per_s  NULL               NULL
            bound_by                   profiled            profiled
            flop_by_precision          {bf16: 300000.0, fp32: 100000.0}  {bf16: 3000.0}
            dram_bytes                 1000                400
            l2_bytes                   0                   600
            l1_bytes                   0                   1000
            l2_flop_per_byte           NULL                5
            l1_flop_per_byte           NULL                3
            l2_bytes_per_s             0                   NULL
            l1_bytes_per_s             0                   NULL
            l2_pct                     0                   NULL
            l1_pct                     0                   NULL
            l2_metric                  lts__t_bytes.sum    lts__t_bytes.sum
            l1_metric                  l1tex__t_bytes.sum  l1tex__t_bytes.sum
            lacks                      NULL                time (--metrics gpu__time_duration.sum)
            useful_flop                12000               12000         # 2 · 10 · 20 · 30
            executed_per_useful        400/12              0.25
            """
        ),
    ),
    Case(
        "without profiled peaks those of the datasheet decide; what was not counted is unknown, and listed",
        traces={
            "made": Profile(tags={"m": "1000", "n": "1000", "k": "1"})
            .gpu("NVIDIA H200")
            .kernel("gemm", metrics=WITHOUT_PEAKS)
            .kernel("attention_kernel", ns=500, dram_read=100, dram_write=50),
            "other": Profile().gpu("NVIDIA H200").kernel("gemm", metrics=WITHOUT_PEAKS),
        },
        params={"trace": "made", "k": 100},
        expected=down(
            """
            trace                      made                made
            kernel                     gemm                attention_kernel
            kernel_id                  NULL                NULL
            category                   gemm                attention
            path                       NULL                NULL
            kernels                    1                   1
            gpu_ns                     1000                500
            flop                       494700000           NULL
            precision                  bf16                NULL
            bound                      compute_bound       NULL  # 500 ns of bf16 and 250 of DRAM
            dram_flop_per_byte         4947/12             NULL
            flop_per_s                 494.7e12            NULL
            dram_bytes_per_s           1.2e12              3e8
            compute_pct                NULL                NULL
            dram_pct                   NULL                NULL
            datasheet_compute_pct      50                  NULL
            datasheet_dram_pct         25                  100 * 3e8 / 4.8e12
            profiled_flop_per_s        NULL                NULL
            profiled_dram_bytes_per_s  NULL                NULL
            profiled_l2_bytes_per_s    NULL                NULL
            profiled_l1_bytes_per_s    NULL                NULL
            datasheet_flop_per_s       989.4e12            NULL
            datasheet_dram_bytes_per_s  4.8e12             4.8e12
            bound_by                   datasheet           NULL
            flop_by_precision          {bf16: 494700000.0}  NULL
            dram_bytes                 1200000             100 + 50
            l2_bytes                   2400000             NULL
            l1_bytes                   4800000             NULL
            l2_flop_per_byte           4947/24             NULL
            l1_flop_per_byte           4947/48             NULL
            l2_bytes_per_s             2.4e12              NULL
            l1_bytes_per_s             4.8e12              NULL
            l2_pct                     NULL                NULL
            l1_pct                     NULL                NULL
            l2_metric                  lts__t_bytes.sum    NULL
            l1_metric                  l1tex__t_bytes.sum  NULL
            lacks                      peaks at the clocks of the run (--set roofline)  """
            "L1 bytes (--metrics l1tex__t_bytes.sum); L2 bytes (--metrics lts__t_bytes.sum); "
            "fp16 FLOP (--section SpeedOfLight_HierarchicalHalfRooflineChart); "
            "fp32 FLOP (--section SpeedOfLight_HierarchicalSingleRooflineChart); "
            "fp64 FLOP (--section SpeedOfLight_HierarchicalDoubleRooflineChart); "
            "peaks at the clocks of the run (--set roofline); "
            """tensor FLOP (--section SpeedOfLight_HierarchicalTensorRooflineChart)
            useful_flop                200000000           200000000  # k as asked, not as tagged
            executed_per_useful        4947/2000           NULL
            """
        ),
    ),
]
