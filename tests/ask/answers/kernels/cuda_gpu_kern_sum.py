from made.case import Case, across
from made.nsys import Recording, kernel

KERNELS = Recording().work(
    kernel("add", 0, 60, full="void add<float>(float *)"),
    kernel("add", 60, 70, full="void add<float>(float *)", device=1),
    kernel("add", 70, 90, full="void add<float>(float *)"),
    kernel("add", 90, 100, full="void add<int>(int *)"),
)

CASES = [
    Case(
        "by full name; quartiles lie half-way between the median and the ends of three values",
        traces={"a": KERNELS, "b": Recording().work(kernel("mul", 0, 5))},
        expected=across(
            """
            trace  kernel                    instances  total_ns      share_pct  avg_ns  q1_ns  median_ns  q3_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns
            # 30, 20 and 10 from their mean
            a      void add<float>(float *)  3          60 + 10 + 20  90         30      15     20         40     10      60      sqrt(700)  52      59.2
            a      void add<int>(int *)      1          10            10         10      10     10         10     10      10      NULL       10      10
            b      mul                       1          5             100        5       5      5          5      5       5       NULL       5       5
            """
        ),
    ),
    Case(
        "short names join the variants of a template",
        traces={"a": KERNELS},
        params={"names": "short"},
        expected=across(
            """
            trace  kernel  instances  total_ns  share_pct  avg_ns  q1_ns  median_ns  q3_ns  min_ns  max_ns  stddev_ns     p90_ns  p99_ns
            # 10, 10, 20, 60, mean 25: squares 225, 225, 25, 1225; quartiles at the places 0.75 and 2.25 of 0 to 3
            a      add     4          100       100        25      10     15         30     10      60      sqrt(1700/3)  48      58.8
            """
        ),
    ),
]
