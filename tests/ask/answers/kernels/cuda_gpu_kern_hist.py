from made.case import Case, across
from made.nsys import Recording, kernel

KERNELS = Recording().work(
    kernel("same", 0, 5),
    kernel("same", 5, 10),
    kernel("spread", 10, 10),
    kernel("spread", 10, 20, full="void spread<int>(int *)", device=1),
    kernel("spread", 20, 120),
    kernel("spread", 120, 199),
)

CASES = [
    Case(
        "ten bins from the shortest to the longest; the last one includes its end, empty ones are left out",
        traces={"a": KERNELS},
        params={"names": "short"},
        expected=across(
            """
            trace  kernel  bin  from_ns  to_ns  instances  probability_pct  total_ns
            a      same    0    5        5      2          100  10
            a      spread  0    0        10     1          25  0  # 0
            a      spread  1    10       20     1          25  10  # 10
            a      spread  7    70       80     1          25  79  # 79
            a      spread  9    90       100    1          25  100  # 100
            """
        ),
    ),
    Case(
        "of one kernel, in other bins",
        traces={"a": KERNELS},
        params={"kernel": "spread", "bins": 2, "names": "short"},
        expected=across(
            """
            trace  kernel  bin  from_ns  to_ns  instances  probability_pct  total_ns
            a      spread  0    0        50     2          50  10
            a      spread  1    50       100    2          50  179
            """
        ),
    ),
    Case(
        "kernels of one function apart, unless short names are asked for",
        traces={"a": KERNELS},
        params={"kernel": "spread", "bins": 2},
        expected=across(
            """
            trace  kernel       bin  from_ns  to_ns  instances  probability_pct  total_ns
            a      spread       0    0        50     1          100/3  0
            a      spread       1    50       100    2          200/3  179
            a      spread<int>  0    10       10     1          100  10
            """
        ),
    ),
]
