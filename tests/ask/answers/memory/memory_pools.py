"""Cases of memory_pools: sizes of pools, and what of them is used."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

CASES = [
    Case(
        "a pool is as large as it was told to be, and what is being released counts no more",
        traces={
            "a": Recording()
            .pool("Created", 5, 4096, 512, 0, threshold=64)
            .allocated(10, 100, 64, pool=(4096, 512, 100))
            .allocated(20, 300, 256, pool=(4096, 1024, 400))
            .allocated(30, 300, 256, pool=(4096, 1024, 400), released=True)
            .pool("Trimmed", 40, 4096, 512, 100, threshold=128, keep=0)
            .allocated(50, 8, 9000, pool=(8192, 32, 8), pid=2)
        },
        expected=across(
            """
            trace  pid  gpu_id  pool_address  pool_type  created_ns  destroyed_ns  allocations  releases  trims  release_threshold_bytes  peak_bytes  peak_used_bytes  peak_unused_bytes  end_bytes  end_used_bytes
            # 1024 - (400 - 300) unused at 30
            a      1    0       4096          Local      5           NULL          2            1         1      128                      1024        400              924                512        100
            a      2    0       8192          NULL       NULL        NULL          1            0         0      NULL                     32          8                24                 32         8
            """
        ),
    ),
    Case(
        "a pool that is destroyed ends so",
        traces={"a": Recording().pool("Created", 5, 4096, 512, 0).pool("Destroyed", 95, 4096, 0, 0)},
        expected=across(
            """
            trace  pid  gpu_id  pool_address  pool_type  created_ns  destroyed_ns  allocations  releases  trims  release_threshold_bytes  peak_bytes  peak_used_bytes  peak_unused_bytes  end_bytes  end_used_bytes
            a      1    0       4096          Local      5           95            0            0         0      0                        512         0                512                0          0
            """
        ),
    ),
    Case(
        "the next one may have its address",
        traces={
            "a": Recording()
            .pool("Created", 5, 4096, 0, 0)
            .allocated(6, 10, 64, pool=(4096, 32, 10))
            .pool("Destroyed", 20, 4096, 0, 0)
            .pool("Created", 30, 4096, 0, 0, threshold=7)
            .allocated(35, 20, 64, pool=(4096, 64, 20))
            .pool("Trimmed", 40, 4096, 64, 20, threshold=7)
        },
        expected=across(
            """
            trace  pid  gpu_id  pool_address  pool_type  created_ns  destroyed_ns  allocations  releases  trims  release_threshold_bytes  peak_bytes  peak_used_bytes  peak_unused_bytes  end_bytes  end_used_bytes
            a      1    0       4096          Local      5           20            1            0         0      0                        32          10               22                 0          0
            a      1    0       4096          Local      30          NULL          1            0         1      7                        64          20               44                 64         20
            """
        ),
    ),
    Case(
        "one that keeps all: its threshold is 64 bits that are set",
        traces={"a": Recording().pool("Trimmed", 5, 4096, 512, 0, threshold=-1)},
        expected=across(
            """
            trace  pid  gpu_id  pool_address  pool_type  created_ns  destroyed_ns  allocations  releases  trims  release_threshold_bytes  peak_bytes  peak_used_bytes  peak_unused_bytes  end_bytes  end_used_bytes
            a      1    0       4096          Local      NULL        NULL          0            0         1      9223372036854775807      512         0                512                512        0
            """
        ),
    ),
]
