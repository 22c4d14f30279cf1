from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel, memset

WORK = Recording().work(
    kernel("add", 0, 10, full="void add<float>(float *)"),
    kernel("add", 10, 40, full="void add<float>(float *)", device=1),
    kernel("add", 40, 50, full="void add<int>(int *)"),
    copy("Device-to-Host", 50, 60, 4),
    memset(60, 80, 4),
    graph(80, 100),
)

CASES = [
    Case(
        "kernels by full name, copies by direction, memsets and whole graphs",
        traces={"a": WORK},
        expected=across(
            """
            trace  category     operation                     instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            # Of 40 + 20 + 20 + 10 + 10; 10 and 30 are 10 from their mean.
            a      CUDA_KERNEL  void add<float>(float *)      2          10 + 30   40         20      20         10      30      sqrt(200)  28      29.8
            a      CUDA_GRAPH   [CUDA graph 1]                1          20        20         20      20         20      20      NULL       20      20
            a      MEMORY_OPER  [CUDA memset]                 1          20        20         20      20         20      20      NULL       20      20
            a      CUDA_KERNEL  void add<int>(int *)          1          10        10         10      10         10      10      NULL       10      10
            a      MEMORY_OPER  [CUDA memcpy Device-to-Host]  1          10        10         10      10         10      10      NULL       10      10
            """
        ),
    ),
    Case(
        "short names join the variants of a template; without the graph 80 ns remain",
        traces={"a": WORK},
        params={"names": "short", "graphs": False},
        expected=across(
            """
            trace  category     operation                     instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns    p90_ns  p99_ns
            # 10 + 30 + 10, mean 50/3: the squares of 20/3, 40/3 and 20/3 add up to 800/3.
            a      CUDA_KERNEL  add                           3          50        62.5       50/3    10         10      30      sqrt(400/3)  26      29.6
            a      MEMORY_OPER  [CUDA memset]                 1          20        25         20      20         20      20      NULL         20      20
            a      MEMORY_OPER  [CUDA memcpy Device-to-Host]  1          10        12.5       10      10         10      10      NULL         10      10
            """
        ),
    ),
]
