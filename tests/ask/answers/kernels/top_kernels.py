from made.case import Case, across
from made.nsys import Recording, kernel

KERNELS = Recording().work(
    kernel("add", 0, 10, full="void add<float>(float *)"),
    kernel("add", 10, 40, full="void add<int>(int *)", device=1),
    kernel("mul", 40, 90),
    kernel("nop", 90, 100),
)

CASES = [
    Case(
        "by function name, without template arguments",
        traces={"a": KERNELS},
        expected=across(
            """
            trace  kernel  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns
            a      mul     1         50        50         50      50         50      50
            a      add     2         10 + 30   40         20      20         10      30
            a      nop     1         10        10         10      10         10      10
            """
        ),
    ),
    Case(
        "the share is of all kernels of the trace, also of those not asked for; the limit holds for each trace",
        traces={"a": KERNELS, "b": Recording().work(kernel("sad", 0, 4), kernel("bad", 4, 8))},
        params={"kernel": "%ad%", "limit": 1},
        expected=across(
            """
            trace  kernel  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns
            a      add     2         40        40         20      20         10      30
            b      bad     1         4         50         4       4          4       4       # of equal ones by name
            """
        ),
    ),
]
