from made.case import Case, across
from made.nsys import Recording, copy

CASES = [
    Case(
        "by cause and direction, most bytes first; other copies are none, and a number that nobody knows is told",
        traces={
            "a": Recording().work(
                copy("Unified Host-to-Device", 0, 10, 4096, address=0x7F00, cause=2),
                copy("Unified Host-to-Device", 10, 40, 8192, address=0x8000, cause=2),
                copy("Unified Device-to-Host", 40, 50, 20_000, address=0x8000, cause=4),
                copy("Unified Host-to-Device", 50, 60, 1000, address=0x9000, cause=9),
                copy("Host-to-Device", 50, 99, 100_000),
            ),
            "b": Recording().work(copy("Unified Device-to-Host", 0, 0, 512, address=0x7F00, cause=1)),
        },
        expected=across(
            """
            trace  migration_cause  copy_kind                 migrations  total_bytes  share_pct            avg_bytes  total_ns  bytes_per_s
            a      Eviction         Unified Device-to-Host    1           20_000       2_000_000 / 33_288   20_000     10        2e12
            a      Page fault       Unified Host-to-Device    2           12_288       1_228_800 / 33_288   6144       40        12_288 / 40e-9
            a      Unknown (9)      Unified Host-to-Device    1           1000         100_000 / 33_288     1000       10        1e11
            b      User prefetch    Unified Device-to-Host    1           512          100                  512        0         NULL
            """
        ),
    ),
]
