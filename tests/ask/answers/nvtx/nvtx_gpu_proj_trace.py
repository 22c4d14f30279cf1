"""Cases of nvtx_gpu_proj_trace: the GPU work of every single range."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .range("step", 0, 100)
    .range("layer", 10, 30)
    .call(LAUNCH, 12, 14, kernel("k", 110, 130), kernel("k", 140, 150))
    .range("cub", 40, 60, domain="lib")
    .call("cudaMemcpyAsync_v3020", 45, 46, copy("Host-to-Device", 140, 160, 8))
    .range("empty", 80, 90)
    .range("request", 5, 30, style="startend")
    .range("layer", 1, None, pid=2, tid=3)
    .call("cudaGraphLaunch_v10000", 5, 6, graph(90, 95), pid=2, tid=3),
    "b": Recording().range("layer", 0, 9).call(LAUNCH, 1, 2, kernel("k", 10, 15)),
}

CASES = [
    Case(
        "in the order of the work; open ranges are there, those without work are not",
        traces=TWO,
        expected=down(
            """
            trace                  a        a        a        a         a        b
            domain                 ''       ''       ''       ''        lib      ''
            range                  layer    step     request  layer     cub      layer
            projected_start_ns     90       110      110      110       140      10
            projected_duration_ns  5        50       40       40        20       5
            gpu_busy_ns            5        20 + 20  20 + 10  20 + 10   20       5      # idle from 130 to 140
            start_ns               1        0        5        10        40       0
            duration_ns            NULL     100      25       20        20       9
            style                  pushpop  pushpop  startend  pushpop  pushpop  pushpop
            pid                    2        1        1        1         1        1
            tid                    3        1        1        1         1        1
            gpu_operations         1        3        2        2         1        1
            depth                  0        0        0        1         1        0
            children               0        2        0        0         0        0
            range_id               6        1        5        2         3        1
            parent_id              NULL     NULL     NULL     1         1        NULL
            range_stack            :6       :1       :5       :1:2      :1:3     :1
            """
        ),
    ),
    Case(
        "ranges whose text is like the pattern, of one trace",
        traces=TWO,
        params={"trace": "a", "range": "c?b"},
        expected=down(
            """
            trace                  a
            domain                 lib
            range                  cub
            projected_start_ns     140
            projected_duration_ns  20
            gpu_busy_ns            20
            start_ns               40
            duration_ns            20
            style                  pushpop
            pid                    1
            tid                    1
            gpu_operations         1
            depth                  1
            children               0
            range_id               3
            parent_id              1
            range_stack            :1:3
            """
        ),
    ),
]
