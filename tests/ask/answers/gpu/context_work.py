from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel, memset

CASES = [
    Case(
        "by green context of a context; what runs side by side counts for each, migrations belong to none",
        traces={
            "a": Recording()
            .work(
                kernel("k", 0, 10, stream=15, greenContext=2),
                kernel("k", 5, 25, stream=18, greenContext=3),
                kernel("k", 30, 40, stream=19, greenContext=3),
                memset(40, 45, 8, stream=15, greenContext=2),
                copy("Device-to-Device", 45, 50, 8, stream=7, greenContext=0),
                graph(50, 60, stream=7),
                copy("Unified Host-to-Device", 0, 100, 4096, address=0x7F00, cause=2),
            )
            .work(kernel("k", 100, 150), pid=2)
        },
        expected=across(
            """
            trace  pid  gpu_id  context_id  green_context_id  streams  kernels  copies  graphs  total_ns  share_pct      first_ns  last_ns
            a      2    0       1           NULL              1        1        0       0       50        5000 / 110     100       150
            a      1    0       1           3                 2        2        0       0       30        3000 / 110     5         40
            a      1    0       1           NULL              1        0        1       1       15        1500 / 110     45        60
            a      1    0       1           2                 1        1        1       0       15        1500 / 110     0         45
            """
        ),
    ),
]
