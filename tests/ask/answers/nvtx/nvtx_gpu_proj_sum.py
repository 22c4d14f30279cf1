"""Cases of nvtx_gpu_proj_sum: the GPU work of ranges of one text."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .range("step", 0, 100)
    .range("layer", 10, 30)
    # One call, two kernels: a graph replay.
    .call("cudaGraphLaunch_v10000", 12, 14, kernel("k", 110, 130, node=1), kernel("k", 140, 150, node=2))
    .range("layer", 40, 60)
    .call("cudaMemcpyAsync_v3020", 45, 46, copy("Host-to-Device", 150, 160, 8))
    .call(LAUNCH, 70, 71, kernel("k", 155, 175))
    .range("empty", 80, 90)
    .range("request", 5, 50, style="startend")
    # Never closed, of another process, and around a whole graph.
    .range("layer", 0, None, pid=2)
    .call("cudaGraphLaunch_v10000", 5, 6, graph(200, 230), pid=2),
    "b": Recording().range("open", 0, None, domain="lib").call(LAUNCH, 1, 2, kernel("k", 10, 15)),
}

THREADS = {
    "c": Recording()
    .range("step", 0, 50)
    .range("backward", 20, 40)
    .range("idle", 45, 50)
    .range("handed over", 10, 60, style="startend", end_tid=2)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14))
    .call(LAUNCH, 25, 26, kernel("k", 30, 36), tid=2)
    .call(LAUNCH, 30, 31, kernel("k", 34, 44), tid=2)
    # Begins in one range and ends in none.
    .call(LAUNCH, 39, 70, kernel("k", 80, 84), tid=2)
    # Of another process, and of no range of its own.
    .call(LAUNCH, 25, 26, kernel("k", 30, 90), pid=2),
}

CASES = [
    Case(
        "from the first start to the last end; busy only while something ran; ranges without work are no children",
        traces=TWO,
        expected=down(
            """
            trace               a             a        a         b
            domain              ''            ''       ''        lib
            range               layer         step     request   open
            style               pushpop       pushpop  startend  pushpop
            total_proj_ns       40 + 10 + 30  65       50        5        # 110 to 150, 150 to 160, 200 to 230; 110 to 175; 110 to 160
            total_range_ns      20 + 20       100      45        NULL
            instances           3             1        1         1
            avg_proj_ns         80/3          65       50        5
            median_proj_ns      30            65       50        5
            min_proj_ns         10            65       50        5
            max_proj_ns         40            65       50        5
            stddev_proj_ns      sqrt(700/3)   NULL     NULL      NULL     # (40/3)² + (50/3)² + (10/3)² over 2
            p90_proj_ns         38            65       50        5
            p99_proj_ns         39.8          65       50        5
            total_gpu_busy_ns   30 + 10 + 30  20 + 35  20 + 20   5        # idle from 130 to 140
            gpu_operations      2 + 1 + 1     4        3         1
            avg_gpu_operations  4/3           4        3         1
            avg_depth           2/3           0        0         0        # two inside step
            avg_children        0             2        0         0
            """
        ),
    ),
    Case(
        "of one trace",
        traces=TWO,
        params={"trace": "b"},
        expected=down(
            """
            trace               b
            domain              lib
            range               open
            style               pushpop
            total_proj_ns       5
            total_range_ns      NULL
            instances           1
            avg_proj_ns         5
            median_proj_ns      5
            min_proj_ns         5
            max_proj_ns         5
            stddev_proj_ns      NULL
            p90_proj_ns         5
            p99_proj_ns         5
            total_gpu_busy_ns   5
            gpu_operations      1
            avg_gpu_operations  1
            avg_depth           0
            avg_children        0
            """
        ),
    ),
    Case(
        "by thread, ranges whose work others launched have none",
        traces=THREADS,
        expected=down(
            """
            trace               c
            domain              ''
            range               step
            style               pushpop
            total_proj_ns       4
            total_range_ns      50
            instances           1
            avg_proj_ns         4
            median_proj_ns      4
            min_proj_ns         4
            max_proj_ns         4
            stddev_proj_ns      NULL
            p90_proj_ns         4
            p99_proj_ns         4
            total_gpu_busy_ns   4
            gpu_operations      1
            avg_gpu_operations  1
            avg_depth           0
            avg_children        0
            """
        ),
    ),
    Case(
        "by process, the calls of all threads that lie inside",
        traces=THREADS,
        params={"by": "process"},
        expected=down(
            """
            trace               c       c            c
            domain              ''      ''           ''
            range               step    backward     handed over
            style               pushpop  pushpop     startend
            total_proj_ns       34      14           14
            total_range_ns      50      20           50
            instances           1       1            1
            avg_proj_ns         34      14           14
            median_proj_ns      34      14           14
            min_proj_ns         34      14           14
            max_proj_ns         34      14           14
            stddev_proj_ns      NULL    NULL         NULL
            p90_proj_ns         34      14           14
            p99_proj_ns         34      14           14
            total_gpu_busy_ns   4 + 14  14           14       # 10 to 14, and 30 to 44
            gpu_operations      3       2            2
            avg_gpu_operations  3       2            2
            avg_depth           0       1            0
            avg_children        1       0            0
            """
        ),
    ),
]
