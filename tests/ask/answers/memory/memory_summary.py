from made.case import Case, across
from made.nsys import Recording, copy, memset

CASES = [
    Case(
        "a rate is all bytes by all time, and no number where nothing took time",
        traces={
            "a": Recording().work(
                copy("Host-to-Device", 0, 10, 600),
                copy("Host-to-Device", 10, 40, 200, device=1),
                memset(50, 70, 64),
                memset(70, 70, 32, memory="Managed"),
                copy("Peer-to-Peer", 90, 90, 5, peers=(0, 1)),
            )
        },
        expected=across(
            """
            trace  kind    copy_kind       instances  total_bytes  avg_bytes  max_bytes  total_ns  avg_ns  median_ns  p90_ns  p99_ns  bytes_per_s
            a      memcpy  Host-to-Device  2          600 + 200    400        600        10 + 30   20      20         28      29.8    800 / 40e-9
            a      memset  NULL            2          64 + 32      48         64         20 + 0    10      10         18      19.8    96 / 20e-9
            a      memcpy  Peer-to-Peer    1          5            5          5          0         0       0          0       0       NULL
            """
        ),
    ),
    Case(
        "a copy that ends before it starts counts in no rate",
        traces={
            "a": Recording().work(copy("Host-to-Device", 0, 10, 100), copy("Host-to-Device", 30, 20, 900))
        },
        expected=across(
            """
            trace  kind    copy_kind       instances  total_bytes  avg_bytes  max_bytes  total_ns  avg_ns  median_ns  p90_ns  p99_ns  bytes_per_s
            a      memcpy  Host-to-Device  2          1000         500        900        10        10      10         10      10      10e9
            """
        ),
    ),
]
