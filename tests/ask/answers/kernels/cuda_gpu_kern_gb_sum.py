from made.case import Case, down
from made.nsys import Recording, kernel

FULL = "void add<float>(float *)"
KERNELS = Recording().work(
    kernel("add", 0, 10, full=FULL, grid=(2, 3, 4), block=(32, 2, 5)),
    kernel("add", 20, 50, full=FULL, grid=(2, 3, 4), block=(32, 2, 5), device=1),
    kernel("add", 60, 120, full=FULL, grid=(4, 1, 1), block=(64, 1, 1)),
)

CASES = [
    Case(
        "one kernel in two shapes is two rows, of 60 and of 10 + 30 ns",
        traces={"a": KERNELS},
        expected=down(
            """
            trace      a                         a
            kernel     void add<float>(float *)  void add<float>(float *)
            grid_x     4                         2
            grid_y     1                         3
            grid_z     1                         4
            block_x    64                        32
            block_y    1                         2
            block_z    1                         5
            instances  1                         2
            total_ns   60                        40
            share_pct  60                        40
            avg_ns     60                        20
            median_ns  60                        20
            min_ns     60                        10
            max_ns     60                        30
            stddev_ns  NULL                      sqrt(200)
            p90_ns            60  28
            p99_ns            60  29.8
            """
        ),
    ),
    Case(
        "short names join the variants of a template in one shape",
        traces={
            "a": Recording().work(
                kernel("add", 0, 10, full=FULL), kernel("add", 10, 20, full="void add<int>(int *)")
            )
        },
        params={"names": "short"},
        expected=down(
            """
            trace      a
            kernel     add
            grid_x     1
            grid_y     1
            grid_z     1
            block_x    32
            block_y    1
            block_z    1
            instances  2
            total_ns   20
            share_pct  100
            avg_ns     10
            median_ns  10
            min_ns     10
            max_ns     10
            stddev_ns  0
            p90_ns            10
            p99_ns            10
            """
        ),
    ),
]
