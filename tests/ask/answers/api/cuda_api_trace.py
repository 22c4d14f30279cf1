from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "calls in the order of their start; a driver call within shares the id of its runtime call",
        traces={
            "a": Recording()
            .thread(3, "worker", pid=2)
            .call("cudaMalloc_v3020", 30, 40, returned=2)
            .call("cuMemAlloc_v2", 31, 39, layer="driver", nested=True)
            .call("cudaFree_v3020", 10, 15, tid=3, pid=2)
        },
        expected=across(
            """
            trace  start_ns  duration_ns  function    return_value  correlation_id  pid  tid  thread  api_call_id
            a      10        5            cudaFree    0             1               2    3    worker  3
            a      30        10           cudaMalloc  2             1               1    1    NULL    1
            a      31        8            cuMemAlloc  0             1               1    1    NULL    2
            """
        ),
    ),
]
