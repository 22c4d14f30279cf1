from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "what a collective sends and what it receives are rows of their own; a barrier passes nothing",
        traces={
            "a": Recording()
            .mpi("MPI_Send", 0, 10, of="p2p", tag=1, peer=1, size=40)
            .mpi("MPI_Send", 20, 30, of="p2p", tag=1, peer=1, size=60)
            .mpi("MPI_Recv", 40, 50, of="p2p", tag=1, peer=1, size=None)
            .mpi("MPI_Bcast", 60, 70, of="collectives", root=0, size=800, received=400)
            .mpi("MPI_Bcast", 80, 90, of="collectives", root=1, received=400)
            .mpi("MPI_Barrier", 90, 95, of="collectives")
            .mpi("MPI_Init", 0, 1)
        },
        expected=across(
            """
            trace  source     function   instances  total_bytes  avg_bytes  median_bytes  min_bytes  max_bytes  stddev_bytes
            a      coll_recv  MPI_Bcast  2          800          400        400           400        400        0
            a      p2p        MPI_Send   2          100          50         50            40         60         sqrt(200)
            a      coll_send  MPI_Bcast  1          800          800        800           800        800        NULL
            a      p2p        MPI_Recv   1          NULL         NULL       NULL          NULL       NULL       NULL
            """
        ),
    ),
]
