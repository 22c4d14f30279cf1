from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "runtime and driver functions together, each version of a function the same one",
        traces={
            "a": Recording()
            .call("cudaMalloc_v3020", 0, 10)
            .call("cudaMalloc", 20, 50, pid=2)
            .call("cuMemAlloc_v2", 50, 110, layer="driver"),
            "b": Recording().call("cudaFree_v3020", 0, 8),
        },
        expected=across(
            """
            trace  function    calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      cuMemAlloc  1      60        60         60      60         60      60      NULL       60      60
            a      cudaMalloc  2      10 + 30   40         20      20         10      30      sqrt(200)  28      29.8
            b      cudaFree    1      8         100        8       8          8       8       NULL       8       8
            """
        ),
    ),
]
