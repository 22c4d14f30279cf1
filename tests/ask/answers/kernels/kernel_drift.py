"""Cases of kernel_drift: launches of one shape, and what clocks explain of their times."""

from made.case import Case, down
from made.nsys import Recording, kernel

CLOCK = "GPC Clock Frequency [MHz]"


def clocked() -> Recording:
    """A product at 2,000 MHz until 100, and at 1,000 MHz from then on: it takes twice as long."""
    made = Recording().sample(CLOCK, 0, 2_000).sample(CLOCK, 100, 1_000).sample(CLOCK, 300, 500)
    for start, end in ((10, 30), (40, 60), (110, 150), (160, 200)):
        made.work(
            kernel("gemm", start, end, grid=(2, 3, 4), block=(32, 5, 6), static_shared=7, dynamic_shared=8)
        )
    # Another shape, too seldom.
    return made.work(kernel("gemm", 210, 220, grid=(1, 3, 4)))


def stepping() -> Recording:
    """Numbered steps, and a range whose name comes again: in the one, numbers are none of the kernel's business."""
    made = Recording().sample(CLOCK, 100, 1_500).sample(CLOCK, 250, 900)
    for number, duration in enumerate((10, 14, 12)):
        start = 100 * number
        made.range(f"step {number}", start, start + 50)
        made.call(
            "cudaLaunchKernel_v7000", start + 1, start + 2, kernel("k", start + 10, start + 10 + duration)
        )
        for size, long in ((1, 20), (2, 20)):
            at = start + 20 * size
            made.range(f"size {size}", at - 10, at - 5)
            made.call(
                "cudaLaunchKernel_v7000", at - 9, at - 8, kernel("k", start + 30, start + 30 + long * size)
            )
    return made


CASES = [
    Case(
        "half the clock, twice the time: clocks explain all of it",
        traces={"a": clocked()},
        params={"fewest": 2},
        expected=down(
            """
            trace           a
            pid             1
            gpu_id          0
            green_context_id  NULL
            kernel          gemm
            category        gemm
            grid_x          2
            grid_y          3
            grid_z          4
            block_x         32
            block_y         5
            block_z         6
            shared_bytes    15
            range           NULL
            instances       4
            total_ns        120
            fast_ns         20
            median_ns       30
            max_ns          40
            # Two of them, by 20.
            above_fast_ns   40
            above_fast_pct  100 * 40 / 80
            # 0, 20 and 0 from one to the next, each 10 from the mean.
            steady_pct      100 - 100 * 400 / (2 * 400)
            fast_clock_hz   2000000000
            slow_clock_hz   1000000000
            clocks_pct      100
            start_ns        10
            end_ns          200
            """
        ),
    ),
    Case(
        "work of ranges whose name comes again is of one shape by name, of numbered ones whatever the number",
        traces={"a": stepping()},
        params={"fewest": 3},
        expected=down(
            """
            trace           a            a                  a
            pid             1            1                  1
            gpu_id          0            0                  0
            green_context_id  NULL         NULL               NULL
            kernel          k            k                  k
            category        other        other              other
            grid_x          1            1                  1
            grid_y          1            1                  1
            grid_z          1            1                  1
            block_x         32           32                 32
            block_y         1            1                  1
            block_z         1            1                  1
            shared_bytes    0            0                  0
            range           step *       size 1             size 2
            instances       3            3                  3
            total_ns        36           60                 120
            fast_ns         10           20                 40
            median_ns       12           20                 40
            max_ns          14           20                 40
            above_fast_ns   6            0                  0
            above_fast_pct  20           0                  0
            # 4 and -2, of distances 2, 2 and 0; without any distance there is no order.
            # 100 - 100 * 20 / (2 * 8) is less than 0.
            steady_pct      0            NULL               NULL
            # Before the first sample nobody knows, nor behind the last.
            fast_clock_hz   NULL         1500000000         1500000000
            slow_clock_hz   1500000000   NULL               NULL
            clocks_pct      NULL         NULL               NULL
            start_ns        10           30                 30
            end_ns          222          250                270
            """
        ),
    ),
    Case(
        "what runs in turn on the SMs of two green contexts does not drift",
        traces={
            "a": Recording().work(
                kernel("k", 0, 10, stream=15, greenContext=2),
                kernel("k", 20, 40, stream=18, greenContext=3),
                kernel("k", 40, 50, stream=15, greenContext=2),
                kernel("k", 60, 80, stream=18, greenContext=3),
            )
        },
        params={"fewest": 2},
        expected=down(
            """
            trace             a      a
            pid               1      1
            gpu_id            0      0
            green_context_id  2      3
            kernel            k      k
            category          other  other
            grid_x            1      1
            grid_y            1      1
            grid_z            1      1
            block_x           32     32
            block_y           1      1
            block_z           1      1
            shared_bytes      0      0
            range             NULL   NULL
            instances         2      2
            total_ns          20     40
            fast_ns           10     20
            median_ns         10     20
            max_ns            10     20
            above_fast_ns     0      0
            above_fast_pct    0      0
            steady_pct        NULL   NULL
            fast_clock_hz     NULL   NULL
            slow_clock_hz     NULL   NULL
            clocks_pct        NULL   NULL
            start_ns          0      20
            end_ns            50     80
            """
        ),
    ),
]
