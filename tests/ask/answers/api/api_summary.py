from made.case import Case, across
from made.nsys import Recording

CALLS = (
    Recording()
    .call("cudaLaunchKernel_v7000", 0, 20)
    .call("cuLaunchKernel", 5, 15, layer="driver", nested=True)
    .call("cudaLaunchKernel_v7000", 30, 70, pid=2)
    .call("cudaFree_v3020", 80, 110)
)

CASES = [
    Case(
        "a function's calls add up over processes, in each layer; what a call contains counts again",
        traces={"a": CALLS, "b": Recording().call("cudaFree_v3020", 0, 7)},
        expected=across(
            """
            trace  layer    function          calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            # Of 20 + 40 + 30 + 10; 20 and 40 are 10 from their mean.
            a      runtime  cudaLaunchKernel  2      20 + 40   60         30      30         20      40      sqrt(200)  38      39.8
            a      runtime  cudaFree          1      30        30         30      30         30      30      NULL       30      30
            a      driver   cuLaunchKernel    1      10        10         10      10         10      10      NULL       10      10
            b      runtime  cudaFree          1      7         100        7       7          7       7       NULL       7       7
            """
        ),
    ),
    Case(
        "of one layer, the share is still of all calls of the trace",
        traces={"a": CALLS},
        params={"layer": "driver"},
        expected=across(
            """
            trace  layer    function          calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      driver   cuLaunchKernel    1      10        10         10      10         10      10      NULL       10      10
            """
        ),
    ),
]
