from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CALLED = (
    Recording()
    .library("cuBLAS", "cublasSgemm_v2", 0, 10)
    .library("cuBLAS", "cublasSgemm_v2", 20, 50, tid=2)
    .range("cublasCreate_v2", 60, 80, domain="cuBLAS")
    .range("step", 0, 500)
    .ucx("ucp_tag_send_nbx", 100, 140, size=64, tag=5)
    .mark("cublasSetStream", 90, domain="cuBLAS")
)

CASES = [
    Case(
        "calls are traced, or marked by the library itself: ranges of no library do not count",
        traces={"a": CALLED},
        expected=across(
            """
            trace  library  function          calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      UCX      ucp_tag_send_nbx  1      40        40         40      40         40      40      NULL       40      40
            a      cuBLAS   cublasSgemm_v2    2      40        40         20      20         10      30      sqrt(200)  28      29.8
            a      cuBLAS   cublasCreate_v2   1      20        20         20      20         20      20      NULL       20      20
            """
        ),
    ),
    Case(
        "of one library, the share is of its own calls",
        traces={"a": CALLED},
        params={"library": "UC*"},
        expected=across(
            """
            trace  library  function          calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      UCX      ucp_tag_send_nbx  1      40        100        40      40         40      40      NULL       40      40
            """
        ),
    ),
]
