"""Cases of communication_overlap: five parts that add up to the span of a GPU."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

TWO = {
    "a": Recording()
    .work(
        # Computation until 40 and from 65, communication of two streams from 30 to 70: 10 + 5 beside it.
        kernel("gemm", 0, 40),
        kernel("ncclAllReduce", 30, 60, stream=20),
        kernel("ncclAllGather", 50, 70, stream=24),
        kernel("gemm", 65, 100),
        # A copy counts where nothing else runs, and no time at all is no work.
        copy("Host-to-Device", 90, 120, 8),
        kernel("ncclAllReduce", 500, 500),
        kernel("add", 150, 160),
    )
    .work(kernel("cross_device_reduce_1stage", 5, 9, device=1), kernel("gemm", 8, 10, device=1), pid=2),
    "b": Recording().work(kernel("ncclSend", 0, 10), kernel("cross_device_reduce_1stage", 2, 8, stream=9)),
    "c": Recording().work(graph(0, 10), kernel("ncclSend", 5, 20)),
    "d": Recording().work(kernel("gemm", 3, 4)),
}

CASES = [
    Case(
        "each moment counts once, whatever runs at the same time; whole graphs count as computation",
        traces=TWO,
        expected=across(
            """
            trace  gpu_id  pid  device_id  span_ns  exposed_ns  overlapped_ns  compute_ns        memory_ns  idle_ns  exposed_pct   hidden_pct    graph_launches
            a      0       1    0          160      25          10 + 5         30 + 30 + 10      20         30       100 * 25/160  100 * 15/40   0
            a      1       2    1          5        3           1              1                 0          0        60           25            0
            b      0       1    0          10       10          0              0                 0          0        100          0             0
            c      0       1    0          20       10          5              5                 0          0        50           100 * 5/15    1
            d      0       1    0          1        0           0              1                 0          0        0            NULL          0
            """
        ),
    ),
    Case(
        "of one trace",
        traces=TWO,
        params={"trace": "b"},
        expected=across(
            """
            trace  gpu_id  pid  device_id  span_ns  exposed_ns  overlapped_ns  compute_ns  memory_ns  idle_ns  exposed_pct  hidden_pct  graph_launches
            b      0       1    0          10       10          0              0           0          0        100          0           0
            """
        ),
    ),
    Case(
        "traces of one tag are added up, GPU by GPU",
        traces={
            "a": Recording(run="x").work(kernel("gemm", 0, 10), kernel("ncclSend", 5, 15, stream=9)),
            "b": Recording(run="x").work(kernel("gemm", 0, 20), pid=2),
        },
        params={"by": "tag:run"},
        expected=across(
            """
            trace  gpu_id  pid   device_id  span_ns  exposed_ns  overlapped_ns  compute_ns  memory_ns  idle_ns  exposed_pct  hidden_pct  graph_launches
            x      0       NULL  0          15 + 20  5           5              5 + 20      0          0        500/35       50          0
            """
        ),
    ),
]
