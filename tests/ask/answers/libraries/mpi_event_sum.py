from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

# Two requests are awaited together, and a call was not ended.
CALLED = (
    Recording()
    .rank(0)
    .rank(1, pid=2)
    .mpi("MPI_Init", 0, 40)
    .mpi("MPI_Send", 50, 60, of="p2p", tag=7, peer=1, size=800)
    .mpi("MPI_Send", 70, 100, of="p2p", tag=7, peer=1, size=800, pid=2)
    .mpi("MPI_Waitall", 110, 130, of="start_wait", request=98)
    .mpi("MPI_Waitall", 110, 130, of="start_wait", request=99)
    .mpi("MPI_Irecv", 140, None, of="p2p", tag=7, peer=1, size=800)
)

COLUMNS = "trace  source  function  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns"

CASES = [
    Case(
        "a call counts once, whatever it awaits; what was not ended took a time that is not known",
        traces={"a": CALLED},
        expected=across(
            f"""
            {COLUMNS}
            # of 40 + 10 + 30 + 20
            a      other       MPI_Init     1   40    40    40    40    40    40    NULL       40    40
            a      p2p         MPI_Send     2   40    40    20    20    10    30    sqrt(200)  28    29.8
            a      start-wait  MPI_Waitall  1   20    20    20    20    20    20    NULL       20    20
            a      p2p         MPI_Irecv    1   NULL  NULL  NULL  NULL  NULL  NULL  NULL       NULL  NULL
            """
        ),
    ),
    Case(
        "as nsys stats counts, a call is there once for each of its requests",
        traces={"a": CALLED},
        params={"by_request": True},
        expected=across(
            f"""
            {COLUMNS}
            a      other       MPI_Init     1   40    100/3  40    40    40    40    NULL       40    40
            a      p2p         MPI_Send     2   40    100/3  20    20    10    30    sqrt(200)  28    29.8
            a      start-wait  MPI_Waitall  2   40    100/3  20    20    20    20    0          20    20
            a      p2p         MPI_Irecv    1   NULL  NULL   NULL  NULL  NULL  NULL  NULL       NULL  NULL
            """
        ),
    ),
]
