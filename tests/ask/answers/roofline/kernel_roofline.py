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

#: What ``--set full`` counted before ncu 2025: fp64 and fp32 per cycle, an idle tensor pipe, DRAM by rate, the cycles
#: in which L1 returned 128 bytes of global and local memory, sectors of L2. No fp16.
FULL = {
    "gpu__time_duration.sum": 8576.0,
    "smsp__cycles_elapsed.avg": 18_500.0,
    "sm__cycles_elapsed.avg.per_second": 2e9,
    **{
        f"smsp__sass_thread_inst_executed_op_{name}_pred_on.sum.per_cycle_elapsed": count
        for name, count in {"dadd": 0, "dmul": 0, "dfma": 0, "fadd": 0, "fmul": 100, "ffma": 120.5}.items()
    },
    "sm__sass_thread_inst_executed_op_ffma_pred_on.sum.peak_sustained": 3072.0,
    "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed": 0.0,
    "dram__bytes_read.sum": 201_600.0,
    "dram__bytes_write.sum": 0.0,
    "dram__bytes.sum.peak_sustained": 32.0,
    "dram__cycles_elapsed.avg.per_second": 8e9,
    "lts__t_sectors.sum": 21_409.0,
    "l1tex__lsu_writeback_active_mem_lg.sum": 5120.0,
}

_FP16 = "fp16 FLOP (--section SpeedOfLight_HierarchicalHalfRooflineChart)"
LACKS_OF_FULL = f"L1 roof (--set roofline); L2 roof (--set roofline); {_FP16}"
LACKS_OF_TRAFFIC = (
    "L1 bytes (--metrics l1tex__t_bytes.sum) of 1 of 2 kernels; "
    "L2 bytes (--metrics lts__t_bytes.sum) of 1 of 2 kernels; "
    f"{_FP16} of 1 of 2 kernels; "
    "fp32 FLOP (--section SpeedOfLight_HierarchicalSingleRooflineChart) of 1 of 2 kernels; "
    "fp64 FLOP (--section SpeedOfLight_HierarchicalDoubleRooflineChart) of 1 of 2 kernels; "
    "peaks at the clocks of the run (--set roofline) of 1 of 2 kernels; "
    "tensor FLOP (--section SpeedOfLight_HierarchicalTensorRooflineChart) of 1 of 2 kernels"
)

#: As a launch whose SM clock has no value: no peak of arithmetic follows.
CLOCKLESS = {
    name: value
    for name, value in roofline(bf16=500_000, dram=1000, l2=2000, l1=4000).items()
    if name != "sm__cycles_elapsed.avg.per_second"
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
            phase                      NULL            NULL
            kernels                    2                   1
            gpu_ns                     1000 + 3000         1000
            flop                       500000 + 1500000    0
            at_least                   false           false
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
            datasheet_source          datasheet  datasheet
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
            l2_metric                  lts__lts2xbar_cycles_active.sum    lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
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
            phase                      NULL            NULL
            kernels                    1                   1
            gpu_ns                     1000                NULL
            flop                       400000              3000
            at_least                   false               true          # without its time the second tells a part
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
            datasheet_source          NULL  NULL
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
            l2_metric                  lts__lts2xbar_cycles_active.sum    lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
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
            phase                      NULL            NULL
            kernels                    1                   1
            gpu_ns                     1000                500
            flop                       494700000           NULL
            at_least                   false               true
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
            datasheet_source          datasheet  datasheet
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
            l2_metric                  lts__lts2xbar_cycles_active.sum    NULL
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  NULL
            lacks                      L1 roof (--set roofline); L2 roof (--set roofline); """
            "peaks at the clocks of the run (--set roofline)  "
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
    Case(
        "known as far as it is known: FLOP of the precisions that were counted, and of the launches",
        traces={
            "made": Profile()
            .gpu("NVIDIA GeForce RTX 9999 Laptop GPU")
            .kernel("matmul", metrics=FULL)
            # Four times the FLOP: no more traffic, so that no more FLOP could make it less than compute-bound.
            .kernel(
                "product",
                metrics={**FULL, "smsp__cycles_elapsed.avg": 74_000.0, "gpu__time_duration.sum": 2000},
            )
            # Of two launches one was recorded without FLOP: a memory-bound rest could change the bound.
            .kernel("add", metrics=roofline(fp32=1000, dram=2000, l2=2000, l1=2000))
            .kernel("add", ns=500, dram_read=700, dram_write=300)
        },
        expected=down(
            """
            trace                      made                made               made
            kernel                     matmul              product            add
            kernel_id                  NULL                NULL               NULL
            category                   gemm                other              other
            path                       NULL                NULL               NULL
            phase                      NULL                NULL               NULL
            kernels                    1                   1                  2
            gpu_ns                     8576                2000               1000 + 500
            flop                       18500 * 341         74000 * 341        1000         # a mul 1, an fma 2: 341 per cycle
            at_least                   true                true               true
            precision                  fp32                fp32               fp32
            bound                      NULL                compute_bound      NULL         # 513 ns and 788; 2,054 and 788
            dram_flop_per_byte         18500 * 341 / 201600  74000 * 341 / 201600  0.5
            flop_per_s                 18500 * 341 / 8576e-9  74000 * 341 / 2000e-9  1e9
            dram_bytes_per_s           201600 / 8576e-9    201600 / 2000e-9   2e9  # 3,000 bytes in 1,500 ns
            compute_pct                100 * 18500 * 341 / 8576 / 12288  100 * 74000 * 341 / 2000 / 12288  0.5
            dram_pct                   100 * 787.5 / 8576  100 * 787.5 / 2000  20
            datasheet_compute_pct      NULL                NULL               NULL
            datasheet_dram_pct         NULL                NULL               NULL
            profiled_flop_per_s        12288e9             12288e9            2e11
            profiled_dram_bytes_per_s  256e9               256e9              1e10
            profiled_l2_bytes_per_s    NULL                NULL               2e10
            profiled_l1_bytes_per_s    NULL                NULL               4e10
            datasheet_flop_per_s       NULL                NULL               NULL
            datasheet_dram_bytes_per_s  NULL               NULL               NULL
            datasheet_source          NULL  NULL  NULL
            bound_by                   NULL                profiled           NULL
            flop_by_precision          {fp32: 6308500.0}   {fp32: 25234000.0}  {fp32: 1000.0}
            dram_bytes                 201600              201600             2000 + 1000
            l2_bytes                   32 * 21409          32 * 21409         2000
            l1_bytes                   128 * 5120          128 * 5120         2000
            l2_flop_per_byte           18500 * 341 / 685088  74000 * 341 / 685088  0.5
            l1_flop_per_byte           18500 * 341 / 655360  74000 * 341 / 655360  0.5
            l2_bytes_per_s             685088 / 8576e-9    685088 / 2000e-9   2e9
            l1_bytes_per_s             655360 / 8576e-9    655360 / 2000e-9   2e9
            l2_pct                     NULL                NULL               10
            l1_pct                     NULL                NULL               5
            l2_metric                  lts__t_sectors.sum  lts__t_sectors.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lg.sum  l1tex__lsu_writeback_active_mem_lg.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      """
            f"{LACKS_OF_FULL}  {LACKS_OF_FULL}  {LACKS_OF_TRAFFIC}"
            """
            useful_flop                NULL                NULL               NULL
            executed_per_useful        NULL                NULL               NULL
            """
        ),
    ),
    Case(
        "prefill and decode are rows of their own, where NVTX tells the phase",
        traces={
            "made": Profile()
            .kernel(
                "gemm",
                "execute_context_1(512)_generation_0(0)",
                metrics=roofline(bf16=4000, dram=10, l2=20, l1=50),
            )
            .kernel(
                "gemm",
                "execute_context_0(0)_generation_4(4)",
                metrics=roofline(bf16=40, dram=10, l2=20, l1=50),
            )
            .kernel("gemm", "Decode step/mlp", metrics=roofline(bf16=60, dram=10, l2=20, l1=50))
            .kernel("gemm", "warm-up", metrics=roofline(bf16=10, dram=10, l2=20, l1=50)),
        },
        expected=down(
            """
            trace                      made              made              made
            kernel                     gemm              gemm              gemm
            kernel_id                  NULL              NULL              NULL
            category                   gemm              gemm              gemm
            path                       NULL              NULL              NULL
            phase                      decode            prefill           NULL
            kernels                    2                 1                 1
            gpu_ns                     2000              1000              1000
            flop                       40 + 60           4000              10
            at_least                   false             false             false
            precision                  bf16              bf16              bf16
            bound                      memory_bound      compute_bound     memory_bound  # 0.1 ns and 2; 4 and 1; 0.01 and 1
            dram_flop_per_byte         5                 400               1
            flop_per_s                 5e7               4e9               1e7
            dram_bytes_per_s           1e7               1e7               1e7
            compute_pct                0.005             0.4               0.001
            dram_pct                   0.1               0.1               0.1
            datasheet_compute_pct      NULL              NULL              NULL
            datasheet_dram_pct         NULL              NULL              NULL
            profiled_flop_per_s        1e12              1e12              1e12
            profiled_dram_bytes_per_s  1e10              1e10              1e10
            profiled_l2_bytes_per_s    2e10              2e10              2e10
            profiled_l1_bytes_per_s    4e10              4e10              4e10
            datasheet_flop_per_s       NULL              NULL              NULL
            datasheet_dram_bytes_per_s  NULL             NULL              NULL
            datasheet_source          NULL  NULL  NULL
            bound_by                   profiled          profiled          profiled
            flop_by_precision          {bf16: 100.0}     {bf16: 4000.0}    {bf16: 10.0}
            dram_bytes                 20                10                10
            l2_bytes                   40                20                20
            l1_bytes                   100               50                50
            l2_flop_per_byte           2.5               200               0.5
            l1_flop_per_byte           1                 80                0.2
            l2_bytes_per_s             2e7               2e7               2e7
            l1_bytes_per_s             5e7               5e7               5e7
            l2_pct                     0.1               0.1               0.1
            l1_pct                     0.125             0.125             0.125
            l2_metric                  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL              NULL              NULL
            useful_flop                NULL              NULL              NULL
            executed_per_useful        NULL              NULL              NULL
            """
        ),
    ),
    Case(
        "a launch without a peak says nothing of how close its FLOP came to it, however long it took",
        traces={
            "made": Profile()
            .gpu("NVIDIA H200")
            .kernel("gemm", metrics=roofline(bf16=500_000, dram=1000, l2=2000, l1=4000))
            .kernel("gemm", metrics={**CLOCKLESS, "gpu__time_duration.sum": 3000})
            # On two GPUs, of one of which nothing is published.
            .gpu("A card", device=1)
            .kernel("copy", metrics=roofline(bf16=250_000, dram=1000, l2=2000, l1=4000))
            .kernel(
                "copy",
                device=1,
                metrics={
                    **roofline(bf16=250_000, dram=1000, l2=2000, l1=4000),
                    "gpu__time_duration.sum": 3000,
                },
            )
        },
        expected=down(
            """
            trace                      made                   made
            kernel                     copy                   gemm
            kernel_id                  NULL                   NULL
            category                   elementwise            gemm
            path                       NULL                   NULL
            phase                      NULL                   NULL
            kernels                    2                      2
            gpu_ns                     4000                   4000
            flop                       500000                 1000000
            at_least                   false                  false
            precision                  bf16                   bf16
            bound                      compute_bound          compute_bound
            dram_flop_per_byte         250                    500
            flop_per_s                 5e5 / 4000e-9          1e6 / 4000e-9
            dram_bytes_per_s           2000 / 4000e-9         2000 / 4000e-9
            # 500,000 of the 4,000,000 that there is room for; of the first 500,000 of 1,000,000.
            compute_pct                12.5                   50
            dram_pct                   5                      5
            # Of the first 250,000 in 1,000 ns.
            datasheet_compute_pct      100 * 2.5e11 / 989.4e12  100 * 2.5e11 / 989.4e12
            datasheet_dram_pct         100 * 1e9 / 4.8e12     100 * 5e8 / 4.8e12
            profiled_flop_per_s        1e12                   NULL
            profiled_dram_bytes_per_s  1e10                   1e10
            profiled_l2_bytes_per_s    2e10                   2e10
            profiled_l1_bytes_per_s    4e10                   4e10
            datasheet_flop_per_s       989.4e12               989.4e12
            datasheet_dram_bytes_per_s  4.8e12                4.8e12
            datasheet_source           datasheet              datasheet
            bound_by                   profiled               datasheet
            flop_by_precision          {bf16: 500000.0}       {bf16: 1000000.0}
            dram_bytes                 2000                   2000
            l2_bytes                   4000                   4000
            l1_bytes                   8000                   8000
            l2_flop_per_byte           125                    250
            l1_flop_per_byte           62.5                   125
            l2_bytes_per_s             4000 / 4000e-9         4000 / 4000e-9
            l1_bytes_per_s             8000 / 4000e-9         8000 / 4000e-9
            l2_pct                     5                      5
            l1_pct                     5                      5
            l2_metric                  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL                   peaks at the clocks of the run (--set roofline) of 1 of 2 kernels
            useful_flop                NULL                   NULL
            executed_per_useful        NULL                   NULL
            """
        ),
    ),
]
