"""Cases of nccl_sum: calls of NCCL on the CPU, told by their domain."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

TWO = {
    "a": Recording()
    .range("ncclAllReduce", 0, 10, domain="NCCL")
    .range("ncclAllReduce", 20, 50, domain="NCCL", pid=2)
    .range("ncclGroupEnd", 60, 120, domain="NCCL")
    # Inside another: both count. Never closed, and of the application: neither does.
    .range("ncclSend", 70, 90, domain="NCCL")
    .range("ncclRecv", 130, None, domain="NCCL")
    .range("ncclAllReduce", 200, 900),
    "b": Recording().range("send", 0, 8, domain="MINE").range("ncclSend", 0, 4, domain="NCCL"),
}

CASES = [
    Case(
        "every process counts, and functions in functions; other domains and open ranges do not",
        traces=TWO,
        expected=across(
            """
            trace  function       calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      ncclGroupEnd   1      60        50         60      60         60      60      NULL       60      60
            a      ncclAllReduce  2      10 + 30   100/3      20      20         10      30      sqrt(200)  28      29.8
            a      ncclSend       1      20        100/6      20      20         20      20      NULL       20      20
            b      ncclSend       1      4         100        4       4          4       4       NULL       4       4
            """
        ),
    ),
    Case(
        "of one trace, under the domain of another library",
        traces=TWO,
        params={"trace": "b", "domain": "MINE"},
        expected=across(
            """
            trace  function  calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            b      send      1      8         100        8       8          8       8       NULL       8       8
            """
        ),
    ),
    Case(
        "of no time, no share",
        traces={"a": Recording().range("ncclGroupStart", 5, 5, domain="NCCL")},
        expected=across(
            """
            trace  function        calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            a      ncclGroupStart  1      0         NULL       0       0          0       0       NULL       0       0
            """
        ),
    ),
]
