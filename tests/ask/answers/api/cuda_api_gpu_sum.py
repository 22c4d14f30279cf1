from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

WORK = (
    Recording()
    .call("cudaLaunchKernel_v7000", 0, 5, kernel("add", 10, 20, full="void add<float>(float *)"))
    .call("cudaLaunchKernel_v7000", 5, 20, kernel("add", 20, 50, full="void add<float>(float *)"))
    .call("cudaMemcpyAsync_v3020", 20, 30, copy("Host-to-Device", 50, 60, 4))
    .call("cudaGraphLaunch_v10000", 30, 40, graph(60, 70))
)

CASES = [
    Case(
        "calls, kernels, copies and graphs are one list, of 20 + 40 + 10 + 10 + 10 + 10 ns",
        traces={"a": WORK},
        expected=across(
            """
            trace  category     operation                     instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      CUDA_KERNEL  void add<float>(float *)      2          10 + 30   40         20      20         10      30      sqrt(200)  28      29.8
            a      CUDA_API     cudaLaunchKernel              2          5 + 15    20         10      10         5       15      sqrt(50)   14      14.9
            a      CUDA_API     cudaGraphLaunch               1          10        10         10      10         10      10      NULL       10      10
            a      CUDA_API     cudaMemcpyAsync               1          10        10         10      10         10      10      NULL       10      10
            a      CUDA_GRAPH   [CUDA graph 1]                1          10        10         10      10         10      10      NULL       10      10
            a      MEMORY_OPER  [CUDA memcpy Host-to-Device]  1          10        10         10      10         10      10      NULL       10      10
            """
        ),
    ),
    Case(
        "short names; without the graph 90 ns remain",
        traces={"a": WORK},
        params={"names": "short", "graphs": False},
        expected=across(
            """
            trace  category     operation                     instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      CUDA_KERNEL  add                           2          40        4000/90    20      20         10      30      sqrt(200)  28      29.8
            a      CUDA_API     cudaLaunchKernel              2          20        2000/90    10      10         5       15      sqrt(50)   14      14.9
            a      CUDA_API     cudaGraphLaunch               1          10        1000/90    10      10         10      10      NULL       10      10
            a      CUDA_API     cudaMemcpyAsync               1          10        1000/90    10      10         10      10      NULL       10      10
            a      MEMORY_OPER  [CUDA memcpy Host-to-Device]  1          10        1000/90    10      10         10      10      NULL       10      10
            """
        ),
    ),
]
