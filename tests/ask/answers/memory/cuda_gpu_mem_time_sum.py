from made.case import Case, across
from made.nsys import Recording, copy, kernel, memset

OPERATIONS = (
    Recording()
    .work(
        copy("Host-to-Device", 0, 10, 600),
        copy("Host-to-Device", 20, 50, 100, src="Pageable"),
        memset(50, 90, 64),
        kernel("k", 0, 1000),
    )
    .work(copy("Host-to-Device", 20, 40, 200, device=1), copy("Device-to-Host", 90, 110, 8), pid=2)
)

CASES = [
    Case(
        "by what was done, over processes and devices; kernels are no part of the whole",
        traces={"a": OPERATIONS},
        expected=across(
            """
            trace  operation                     instances   total_ns      share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            # Of 60 + 40 + 20; 10, 20 and 30 are 10 and 0 from their mean.
            a      [CUDA memcpy Host-to-Device]  3           10 + 30 + 20  50         20      20         10      30      10         28      29.8
            a      [CUDA memset]                 1           40            100/3      40      40         40      40      NULL       40      40
            a      [CUDA memcpy Device-to-Host]  1           20            100/6      20      20         20      20      NULL       20      20
            """
        ),
    ),
]
