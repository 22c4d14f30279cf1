from made.case import Case, across
from made.nsys import Recording, kernel

CASES = [
    Case(
        "a hundred executions of short kernels are many; ninety-nine, or longer ones, are not",
        traces={
            "a": Recording()
            .work(*(kernel("tiny", 100 * n + 7, 100 * n + 16) for n in range(60)))
            .work(*(kernel("small", 100 * n + 57, 100 * n + 66) for n in range(40)))
            .work(kernel("large", 6_007, 10_007)),
            "b": Recording().work(*(kernel("tiny", 100 * n, 100 * n + 9) for n in range(99))),
        },
        params={"short_ns": 10},
        expected=across(
            """
            trace  code           severity  saving_ns  saving_pct  numbers                                                                           texts           range  start_ns  end_ns
            # Of 10000 without the 41 before the first step that kernels tell, which begins with a small one.
            a      small_kernels  medium    900        90000/9959  {kernels: 101.0, short_kernels: 100.0, short_kernels_ns: 900.0, short_ns: 10.0}  {kernel: tiny}  NULL   7         5916
            """
        ),
    ),
]
