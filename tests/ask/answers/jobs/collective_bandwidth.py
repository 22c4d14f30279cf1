"""Cases of collective_bandwidth: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import GATHERED, TRAIN

CASES = [
    Case(
        "an all-reduce of four ranks moves 2 * 3/4 of its size over each link",
        traces=TRAIN,
        expected=down(
            """
            job                    train
            function               ncclAllReduce
            communicator           0xa
            message_bytes          1000
            ranks                  4
            at_least               false
            collectives            4
            size_bytes             1000
            min_ns                 100
            median_ns              200
            max_ns                 260
            algorithm_bytes_per_s  5000000000
            bus_bytes_per_s        7500000000
            max_bus_bytes_per_s    15000000000
            """
        ),
    ),
    Case(
        "sizes of gathers are those of all ranks; of a group of two functions, and of a reduction to one rank",
        traces=GATHERED,
        expected=down(
            """
            job                    both           both        both                both
            function               ncclAllGather  ncclReduce  ncclRecv, ncclSend  ncclReduceScatter
            communicator           0xb            0xb         0xb                 0xb
            message_bytes          500            800         600                 250
            ranks                  2              2           2                   2
            at_least               true           true        true                true
            collectives            1              1           1                   1
            size_bytes             1000           800         600                 500
            min_ns                 100            100         100                 100
            median_ns              100            100         100                 100
            max_ns                 100            100         100                 100
            algorithm_bytes_per_s  10000000000    8000000000  6000000000          5000000000
            bus_bytes_per_s        5000000000     8000000000  NULL                2500000000
            max_bus_bytes_per_s    5000000000     8000000000  NULL                2500000000
            """
        ),
    ),
]
