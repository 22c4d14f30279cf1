"""Cases of roofs: profiled, published and measured ones, and the ridge point of each source with its own DRAM.

The roofs of `made.ncu.roofline`: DRAM 10, L2 20 and L1 40 bytes per ns, fp32 200 and bf16 1,000 FLOP per ns.
"""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile, roofline
from made.runs import Runs

FAST = {
    **roofline(bf16=1000, dram=10, l2=10, l1=10),
    "dram__cycles_elapsed.avg.per_second": 2e9,
    "sm__cycles_elapsed.avg.per_second": 2e9,
}
#: Traffic under a counter of all requests, 2,000 sectors of 32 bytes, whose peak of 5 sectors per cycle is no roof.
SECTORS = {
    **{name: value for name, value in roofline(dram=10, l1=10).items() if "lts__lts2xbar" not in name},
    "lts__t_sectors.sum": 2000,
    "lts__t_sectors.sum.peak_sustained": 5,
}

CASES = [
    Case(
        "a profiled roof is the highest of the launches, of NVIDIA's roofline metrics; others are of the GPU's name",
        traces={
            "made": Profile()
            .gpu("NVIDIA H200")
            .kernel("slow", metrics=roofline(bf16=1000, dram=10, l2=10, l1=10))
            .kernel("fast", metrics=FAST)
            .kernel("sectors", metrics=SECTORS)
        },
        runs={
            "roofs": Runs(
                {
                    "gpu": "H200",
                    "dram_bytes_per_s": [4e12, 3e12],
                    "bf16_flop_per_s": 8e14,
                    "l2_bytes_per_s": 9e12,
                },
                # Of another GPU; of a precision in which nothing here works.
                {"gpu": "H100", "dram_bytes_per_s": 9e15, "bf16_flop_per_s": 9e15},
                {"gpu": "H200", "fp64_flop_per_s": 6e13},
            )
        },
        expected=across(
            """
            trace  kind     name  source     metric              flop_per_s  bytes_per_s          ridge_flop_per_byte
            made   compute  bf16  datasheet  NULL                989.4e12    NULL                 989.4 / 4.8
            made   compute  bf16  measured   NULL                8e14        NULL                 800 / 4
            made   compute  bf16  profiled   NULL                2e12        NULL                 100    # both clocks doubled
            made   memory   dram  datasheet  NULL                NULL        4.8e12               NULL
            made   memory   dram  measured   NULL                NULL        4e12                 NULL
            made   memory   dram  profiled   NULL                NULL        2e10                 NULL
            made   memory   l1    derived    NULL                NULL        132 * 128 * 1.98e9   NULL
            made   memory   l1    profiled   l1tex__lsu_writeback_active_mem_lgds.sum  NULL        4e10                 NULL
            made   memory   l2    measured   NULL                NULL        9e12                 NULL
            made   memory   l2    profiled   lts__lts2xbar_cycles_active.sum    NULL        2e10                 NULL
            """
        ),
    ),
    Case(
        "where no launch may use all SMs, roofs are those of the most that one may: a half of 132, here",
        traces={
            "made": Profile()
            .gpu("NVIDIA H200", multiprocessor_count=132)
            .kernel("k", metrics={**roofline(fp32=200, dram=10, l2=10, l1=10), "launch__sm_count": 66})
            .kernel("k", metrics={**roofline(fp32=200, dram=10, l2=10, l1=10), "launch__sm_count": 33})
            # Of a whole graph ncu tells those of one of its kernels.
            .kernel("copy", metrics={**roofline(dram=10, l2=10, l1=10), "launch__sm_count": 66}),
            "whole": Profile()
            .gpu("NVIDIA H200", multiprocessor_count=132)
            .kernel("k", metrics={**roofline(fp32=200, dram=10, l2=10, l1=10), "launch__sm_count": 66})
            .kernel(
                "g",
                workload="graph",
                metrics={**roofline(fp32=200, dram=10, l2=10, l1=10), "launch__sm_count": 33},
            ),
        },
        runs={"roofs": Runs({"gpu": "H200", "fp32_flop_per_s": 6e13})},
        expected=across(
            """
            trace  kind     name  source     metric  flop_per_s  bytes_per_s                ridge_flop_per_byte
            made   compute  fp32  datasheet  NULL    66.9e12/2   NULL                       33.45 / 4.8
            made   compute  fp32  measured   NULL    6e13        NULL                       NULL
            made   compute  fp32  profiled   NULL    2e11        NULL                       20
            made   memory   dram  datasheet  NULL    NULL        4.8e12                     NULL
            made   memory   dram  profiled   NULL    NULL        1e10                       NULL
            made   memory   l1    derived    NULL    NULL        66 * 128 * 1.98e9          NULL
            made   memory   l1    profiled   l1tex__lsu_writeback_active_mem_lgds.sum  NULL  4e10  NULL
            made   memory   l2    profiled   lts__lts2xbar_cycles_active.sum           NULL  2e10  NULL
            whole  compute  fp32  datasheet  NULL    66.9e12     NULL                       66.9 / 4.8
            whole  compute  fp32  measured   NULL    6e13        NULL                       NULL
            whole  compute  fp32  profiled   NULL    2e11        NULL                       20
            whole  memory   dram  datasheet  NULL    NULL        4.8e12                     NULL
            whole  memory   dram  profiled   NULL    NULL        1e10                       NULL
            whole  memory   l1    derived    NULL    NULL        132 * 128 * 1.98e9         NULL
            whole  memory   l1    profiled   l1tex__lsu_writeback_active_mem_lgds.sum  NULL  4e10  NULL
            whole  memory   l2    profiled   lts__lts2xbar_cycles_active.sum           NULL  2e10  NULL
            """
        ),
    ),
    Case(
        "of a card of which nothing is known there are the profiled ones only; precisions are those that decide a roof",
        traces={
            "a": Profile()
            .gpu("A card that nobody publishes")
            .kernel("sum", metrics=roofline(fp32=200, bf16=10, dram=10, l2=10, l1=10)),
            "b": Profile().gpu("NVIDIA H200").kernel("gemm", metrics=roofline(bf16=1000, dram=10)),
        },
        params={"trace": "a"},
        expected=across(
            """
            trace  kind     name  source    metric              flop_per_s  bytes_per_s  ridge_flop_per_byte
            a      compute  fp32  profiled  NULL                2e11        NULL         20
            a      memory   dram  profiled  NULL                NULL        1e10         NULL
            a      memory   l1    profiled  l1tex__lsu_writeback_active_mem_lgds.sum  NULL        4e10         NULL
            a      memory   l2    profiled  lts__lts2xbar_cycles_active.sum    NULL        2e10         NULL
            """
        ),
    ),
    Case(
        "of a card that no datasheet here describes, the report tells SMs, clocks and bus",
        traces={
            "made": Profile()
            .gpu(
                "NVIDIA A10M",
                compute_capability_major=8,
                compute_capability_minor=6,
                multiprocessor_count=56,
                max_gpu_frequency_khz=1_500_000,
                max_mem_frequency_khz=6_250_000,
                fb_bus_width=320,
            )
            .kernel("sum", metrics=roofline(fp32=200, dram=10, l2=10, l1=10))
        },
        expected=across(
            """
            trace  kind     name  source    metric              flop_per_s  bytes_per_s  ridge_flop_per_byte
            made   compute  fp32  derived   NULL                56 * 256 * 1.5e9  NULL   21504 / 500  # 2 × 128 lanes
            made   compute  fp32  profiled  NULL                2e11        NULL         20
            made   memory   dram  derived   NULL                NULL        5e11         NULL  # 2 × 6.25 GHz × 40 bytes
            made   memory   dram  profiled  NULL                NULL        1e10         NULL
            made   memory   l1    derived   NULL                NULL        56 * 128 * 1.5e9  NULL
            made   memory   l1    profiled  l1tex__lsu_writeback_active_mem_lgds.sum  NULL        4e10         NULL
            made   memory   l2    profiled  lts__lts2xbar_cycles_active.sum    NULL        2e10         NULL
            """
        ),
    ),
]
