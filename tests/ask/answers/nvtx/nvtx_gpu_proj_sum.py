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
            total_gpu_busy_ns   5
            gpu_operations      1
            avg_gpu_operations  1
            avg_depth           0
            avg_children        0
            """
        ),
    ),
]
