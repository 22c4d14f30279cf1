from made.case import Case, down
from made.ncu import Profile
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
    Case(
        "a whole range has no grid, whatever ncu tells of its kernels",
        traces={
            "a": Profile()
            .range("r", ns=30, grid=(4096, 1, 1), block=(1000, 1, 1))
            .kernel("k", ns=10, grid=(2, 1, 1), block=(64, 1, 1))
        },
        expected=down(
            """
            trace      a     a
            kernel     r     k
            grid_x     NULL  2
            grid_y     NULL  1
            grid_z     NULL  1
            block_x    NULL  64
            block_y    NULL  1
            block_z    NULL  1
            instances  1     1
            total_ns   30    10
            share_pct  75    25
            avg_ns     30    10
            median_ns  30    10
            min_ns     30    10
            max_ns     30    10
            stddev_ns  NULL  NULL
            p90_ns     30    10
            p99_ns     30    10
            """
        ),
    ),
]
