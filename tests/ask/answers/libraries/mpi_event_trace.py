from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "a call is there once for each of its messages and requests, with what it passes",
        traces={
            "a": Recording()
            .rank(3)
            .mpi("MPI_Init", 0, 40)
            .mpi("MPI_Sendrecv", 50, 60, of="p2p", tag=1, peer=1, size=40, communicator=11)
            .mpi("MPI_Sendrecv", 50, 60, of="p2p", tag=2, peer=2, size=60, communicator=11)
            .mpi(
                "MPI_Bcast", 70, 100, of="collectives", root=2, size=800, received=400, communicator=12, tid=5
            )
            .mpi("MPI_Wait", 110, 130, of="start_wait", request=98, pid=2)
        },
        expected=across(
            """
            trace  start_ns  end_ns  duration_ns  function      source       pid  tid  mpi_rank  communicator_handle  tag   peer_rank  root_rank  message_bytes  sent_bytes  received_bytes  request  library_call_id  message_place
            a      0         40      40           MPI_Init      other        1    1    3         NULL                 NULL  NULL       NULL       NULL           NULL        NULL            NULL     1                1
            a      50        60      10           MPI_Sendrecv  p2p          1    1    3         11                   1     1          NULL       40             NULL        NULL            NULL     2                1
            a      50        60      10           MPI_Sendrecv  p2p          1    1    3         11                   2     2          NULL       60             NULL        NULL            NULL     2                2
            a      70        100     30           MPI_Bcast     collectives  1    5    3         12                   NULL  NULL       2          NULL           800         400             NULL     3                1
            a      110       130     20           MPI_Wait      start-wait   2    1    NULL      NULL                 NULL  NULL       NULL       NULL           NULL        NULL            98       4                1
            """
        ),
    ),
]
