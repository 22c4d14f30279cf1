"""Cases of occupancy: limits by the rules, those that ncu recorded, and what lets one more block in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, down
from made.ncu import Profile
from made.nsys import Recording, kernel

if TYPE_CHECKING:
    from made.ncu import Value

#: Compute capability 9.0: 64 warps, 32 blocks, 65,536 registers, 233,472 bytes of shared memory.
H100 = {"computeMajor": 9, "computeMinor": 0, "smCount": 132, "maxWarpsPerSm": 64}

LACKS = "limits (--section Occupancy); achieved occupancy (--section Occupancy)"
NO_LAUNCH = "launch of one kernel (--graph-profiling node, --replay-mode kernel)"


def launched(
    registers: int, shared: int, achieved: float | None = None, warps: float = 0, *, barriers: int = 16
) -> dict[str, Value]:
    """What ncu records of a launch of 256 threads on compute capability 8.6: an SM has 48 warps and 16 blocks."""
    found: dict[str, Value] = {
        "launch__registers_per_thread": registers,
        "launch__shared_mem_per_block_static": shared,
        "launch__shared_mem_per_block_dynamic": 0,
        "launch__occupancy_limit_registers": 2,
        "launch__occupancy_limit_shared_mem": 2,
        "launch__occupancy_limit_warps": 6,
        "launch__occupancy_limit_blocks": 16,
        "launch__occupancy_limit_barriers": barriers,
    }
    if achieved is not None:
        found["sm__warps_active.avg.pct_of_peak_sustained_active"] = achieved
        found["sm__warps_active.avg.per_cycle_active"] = warps
    return found


CASES = [
    Case(
        "a timeline: limits follow from registers, shared memory and threads",
        traces={
            "a": Recording()
            .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0, **H100)
            .work(
                # Of nodes of graphs nsys tells less than what the kernel asks for, which cannot be.
                kernel(
                    "gemm",
                    0,
                    50,
                    block=(128, 3, 1),
                    registers=168,
                    dynamic_shared=100_000,
                    executed_shared=32_768,
                ),
                kernel("sum", 100, 130, block=(256, 1, 1), registers=128),
                kernel("sum", 200, 210, block=(256, 1, 1), registers=128),
                kernel(
                    "sum", 300, 320, block=(33, 1, 1), registers=128, static_shared=8, executed_shared=16_384
                ),
                kernel("tiny", 400, 410, block=(32, 1, 1), registers=16, executed_shared=32_768),
            )
        },
        expected=down(
            """
            trace                      a                         a          a              a
            kernel                     gemm                      sum        sum            tiny
            kernel_id                  NULL                      NULL       NULL           NULL
            kernels                    1                         2          1              1
            gpu_ns                     50                        40         20             10
            threads_per_block          384                       256        33             32
            registers_per_thread       168                       128        128            16
            shared_bytes               100000                    0          8              0
            # Blocks of 12, 8, 2 and 1 warps; a warp takes 5,376, 4,096, 4,096 and 512 registers, so that a
            # quarter of the registers, 16,384, is enough for 3, 4, 4 and 32 of them.
            theoretical_pct            100 * 12 / 64             25         25             50
            achieved_pct               NULL                      NULL       NULL           NULL
            theoretical_warps          12                        16         16             32
            achieved_warps             NULL                      NULL       NULL           NULL
            limit_registers            1                         2          8              128
            # 101,120 bytes of 233,472, 1,024 of 233,472, 1,152 of 16,384 and 1,024 of 32,768.
            limit_shared_memory        2                         228        14             32
            limit_warps                5                         8          32             64
            limit_blocks               32                        32         32             32
            limit_barriers             NULL                      NULL       NULL           NULL
            limiter                    registers                 registers  registers      shared_memory, blocks
            # 2 blocks are 6 warps a quarter: 2,560 registers each. 3 are 6, too; 9 small ones 5: 3,072.
            registers_for_one_more     80                        80         96             NULL
            shared_bytes_for_one_more  NULL                      NULL       NULL           NULL
            lacks                      achieved occupancy (--section Occupancy)  achieved occupancy (--section Occupancy)  achieved occupancy (--section Occupancy)  achieved occupancy (--section Occupancy)
            """
        ),
    ),
    Case(
        "what ncu computed stands, and what it measured is the mean over time",
        traces={
            "a": Profile()
            .gpu(
                "A card",
                compute_capability_major=8,
                compute_capability_minor=6,
                max_warps_per_multiprocessor=48,
            )
            .kernel("a", ns=30, grid=(9, 1, 1), block=(256, 1, 1), metrics=launched(96, 20_000, 60, 28.8))
            .kernel("a", ns=10, grid=(9, 1, 1), block=(256, 1, 1), metrics=launched(96, 20_000, 20, 9.6))
            .kernel("b", ns=5, grid=(9, 1, 1), block=(256, 1, 1), metrics=launched(96, 16_384, barriers=1))
        },
        expected=down(
            """
            trace                      a                         a
            kernel                     a                         b
            kernel_id                  NULL                      NULL
            kernels                    2                         1
            gpu_ns                     40                        5
            threads_per_block          256                       256
            registers_per_thread       96                        96
            shared_bytes               20000                     16384
            theoretical_pct            100 * 16 / 48             100 * 8 / 48  # of 48 warps
            achieved_pct               50                        NULL
            theoretical_warps          16                        8
            achieved_warps             24                        NULL
            limit_registers            2                         2
            limit_shared_memory        2                         2
            limit_warps                6                         6
            limit_blocks               16                        16
            limit_barriers             16                        1
            limiter                    registers, shared_memory  barriers
            # 3 blocks have 6 warps a quarter, and 34,133 bytes, of which 34,048 can be given and 1,024 are reserved.
            registers_for_one_more     80                        NULL
            shared_bytes_for_one_more  34048 - 1024              NULL
            lacks                      NULL                      achieved occupancy (--section Occupancy)
            """
        ),
    ),
    Case(
        "one by one; on an unknown GPU a kernel has what the report tells",
        traces={
            "a": Profile()
            .gpu("A card", compute_capability_major=99, compute_capability_minor=0)
            .kernel("a", ns=30, block=(64, 1, 1), metrics={"launch__registers_per_thread": 32})
            .kernel(
                "a",
                ns=20,
                block=(64, 1, 1),
                metrics={
                    "sm__maximum_warps_per_active_cycle_pct": 75,
                    "sm__maximum_warps_avg_per_active_cycle": 48,
                },
            )
        },
        params={"by": "launch", "limit": None},
        expected=down(
            f"""
            trace                      a       a
            kernel                     a       a
            kernel_id                  1       2
            kernels                    1       1
            gpu_ns                     30      20
            threads_per_block          64      64
            registers_per_thread       32      NULL
            shared_bytes               NULL    NULL
            theoretical_pct            NULL    75
            achieved_pct               NULL    NULL
            theoretical_warps          NULL    48
            achieved_warps             NULL    NULL
            limit_registers            NULL    NULL
            limit_shared_memory        NULL    NULL
            limit_warps                NULL    NULL
            limit_blocks               NULL    NULL
            limit_barriers             NULL    NULL
            limiter                    NULL    NULL
            registers_for_one_more     NULL    NULL
            shared_bytes_for_one_more  NULL    NULL
            lacks                      {LACKS}  {LACKS}
            """
        ),
    ),
    Case(
        "a whole graph or range is no launch, whatever ncu tells of one of its kernels",
        traces={
            "a": Profile()
            .gpu("A card", compute_capability_major=9, compute_capability_minor=0)
            .graph(
                "g",
                ns=10,
                block=(128, 1, 1),
                metrics={
                    "launch__registers_per_thread": 16,
                    "sm__warps_active.avg.pct_of_peak_sustained_active": 40,
                    "sm__warps_active.avg.per_cycle_active": 25.6,
                },
            )
            # As range replay has it: means over the kernels of the range.
            .range(
                "r",
                ns=5,
                block=(64, 1, 1),
                metrics={
                    "launch__registers_per_thread": 32,
                    "launch__occupancy_limit_registers": 35.333333,
                    "launch__occupancy_limit_shared_mem": 27,
                    "launch__occupancy_limit_warps": 17.666667,
                    "launch__occupancy_limit_blocks": 32,
                    "launch__occupancy_limit_barriers": 32,
                    "sm__maximum_warps_avg_per_active_cycle": 64,
                    "sm__maximum_warps_per_active_cycle_pct": 100,
                },
            )
        },
        expected=down(
            f"""
            trace                      a            a
            kernel                     g            r
            kernel_id                  NULL         NULL
            kernels                    1            1
            gpu_ns                     10           5
            threads_per_block          NULL         NULL
            registers_per_thread       NULL         NULL
            shared_bytes               NULL         NULL
            theoretical_pct            NULL         NULL
            achieved_pct               40           NULL
            theoretical_warps          NULL         NULL
            achieved_warps             25.6         NULL
            limit_registers            NULL         NULL
            limit_shared_memory        NULL         NULL
            limit_warps                NULL         NULL
            limit_blocks               NULL         NULL
            limit_barriers             NULL         NULL
            limiter                    NULL         NULL
            registers_for_one_more     NULL         NULL
            shared_bytes_for_one_more  NULL         NULL
            lacks                      {NO_LAUNCH}  {NO_LAUNCH}; achieved occupancy (--section Occupancy)
            """
        ),
    ),
    Case(
        "an SM of compute capability 6.0 has two sub-partitions, each with half of the registers",
        traces={
            "a": Recording()
            .gpu(
                0,
                "Tesla P100-SXM2-16GB",
                cuda=0,
                computeMajor=6,
                computeMinor=0,
                smCount=56,
                maxWarpsPerSm=64,
            )
            .work(kernel("k", 0, 5, block=(64, 1, 1), registers=40))
        },
        # A warp takes 1,280 registers: 25 in 32,768; in 16,384 there would be room for 12 only.
        expected=down(
            """
            trace                      a
            kernel                     k
            kernel_id                  NULL
            kernels                    1
            gpu_ns                     5
            threads_per_block          64
            registers_per_thread       40
            shared_bytes               0
            theoretical_pct            100 * 50 / 64
            achieved_pct               NULL
            theoretical_warps          50
            achieved_warps             NULL
            limit_registers            25
            limit_shared_memory        NULL
            limit_warps                32
            limit_blocks               32
            limit_barriers             NULL
            limiter                    registers
            # 26 blocks are 26 warps in each: 1,260 registers, so that 1,024 can be given.
            registers_for_one_more     32
            shared_bytes_for_one_more  NULL
            lacks                      achieved occupancy (--section Occupancy)
            """
        ),
    ),
]
