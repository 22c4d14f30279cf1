"""Cases of kernel_launches: a row for each configuration, its times, and the ranges around its launches."""

from __future__ import annotations

from made.case import Case, down
from made.ncu import Profile
from made.nsys import Recording, kernel

SMALL = {"grid": (2, 3, 1), "block": (64, 2, 1), "registers": 32, "static_shared": 8, "dynamic_shared": 16}

CASES = [
    Case(
        "launches alike are one row; ranges are counted, three at most, and names as asked",
        traces={
            "a": Recording()
            .range("step", 0, 100)
            .range("mlp", 10, 40)
            .call("cudaLaunchKernel", 1, 2, kernel("add", 10, 20, **SMALL))
            .call("cudaLaunchKernel", 11, 12, kernel("add", 20, 40, **SMALL))
            .call("cudaLaunchKernel", 21, 22, kernel("add", 40, 70, **SMALL))
            .call("cudaLaunchKernel", 200, 201, kernel("add", 300, 340, grid=(1, 1, 1), block=(32, 1, 1)))
            .call("cudaLaunchKernel", 210, 211, kernel("mul", 400, 500, **SMALL))
        },
        params={"kernel": "add"},
        expected=down(
            """
            trace                  a                                a
            kernel                 add                              add
            grid_and_block         grid 2×3×1, block 64×2×1         grid 1×1×1, block 32×1×1
            instances              3                                1
            total_ns               60                               40
            share_pct              100 * 60 / 200                   100 * 40 / 200
            avg_ns                 20                               40
            median_ns              20                               40
            min_ns                 10                               40
            max_ns                 30                               40
            stddev_ns              10                               NULL
            threads_per_block      128                              32
            registers_per_thread   32                               16
            static_shared_bytes    8                                0
            dynamic_shared_bytes   16                               0
            executed_shared_bytes  NULL                             NULL
            paths                  step/mlp (2); step (1)           NULL
            """
        ),
    ),
    Case(
        "what ncu recorded; the rows of most time alone",
        traces={
            "a": Profile()
            .kernel(
                "gemm",
                "step",
                ns=30,
                grid=(4, 1, 1),
                block=(256, 1, 1),
                metrics={
                    "launch__registers_per_thread": 96,
                    "launch__shared_mem_per_block_static": 1024,
                    "launch__shared_mem_per_block_dynamic": 2048,
                    "launch__shared_mem_config_size": 32_768,
                },
            )
            .kernel("gemm", ns=10)
        },
        params={"limit": 1},
        expected=down(
            """
            trace                  a
            kernel                 gemm
            grid_and_block         grid 4×1×1, block 256×1×1
            instances              1
            total_ns               30
            share_pct              75
            avg_ns                 30
            median_ns              30
            min_ns                 30
            max_ns                 30
            stddev_ns              NULL
            threads_per_block      256
            registers_per_thread   96
            static_shared_bytes    1024
            dynamic_shared_bytes   2048
            executed_shared_bytes  32768
            paths                  step (1)
            """
        ),
    ),
    Case(
        "a whole graph is no launch: how ncu says that one of its kernels was launched is passed over",
        traces={
            "a": Profile().graph(
                "g",
                "step",
                ns=30,
                grid=(4, 1, 1),
                block=(256, 1, 1),
                metrics={"launch__registers_per_thread": 96, "launch__shared_mem_config_size": 32_768},
            )
        },
        expected=down(
            """
            trace                  a
            kernel                 g
            grid_and_block         NULL
            instances              1
            total_ns               30
            share_pct              100
            avg_ns                 30
            median_ns              30
            min_ns                 30
            max_ns                 30
            stddev_ns              NULL
            threads_per_block      NULL
            registers_per_thread   NULL
            static_shared_bytes    NULL
            dynamic_shared_bytes   NULL
            executed_shared_bytes  NULL
            paths                  step (1)
            """
        ),
    ),
    Case(
        "what a damaged report says of threads may be more than a number holds",
        traces={"a": Recording().work(kernel("odd", 0, 10, block=(2**31 - 1,) * 3))},
        expected=down(
            """
            trace                  a
            kernel                 odd
            grid_and_block         grid 1×1×1, block 2147483647×2147483647×2147483647
            instances              1
            total_ns               10
            share_pct              100
            avg_ns                 10
            median_ns              10
            min_ns                 10
            max_ns                 10
            stddev_ns              NULL
            threads_per_block      NULL
            registers_per_thread   16
            static_shared_bytes    0
            dynamic_shared_bytes   0
            executed_shared_bytes  NULL
            paths                  NULL
            """
        ),
    ),
]
