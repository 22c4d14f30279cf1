from made.case import Case, across
from made.nsys import Recording, kernel

CASES = [
    Case(
        "a hundred executions of short kernels are many; ninety-nine, or longer ones, are not",
        traces={
            "a": Recording()
            .work(*(kernel("tiny", 100 * n + 7, 100 * n + 16) for n in range(61)))
            .work(*(kernel("small", 100 * n + 57, 100 * n + 66) for n in range(40)))
            .work(kernel("large", 6_017, 10_007)),
            "b": Recording().work(*(kernel("tiny", 100 * n, 100 * n + 9) for n in range(99))),
        },
        params={"short_ns": 10},
        expected=across(
            """
            trace  code           severity  saving_ns  saving_pct  numbers                                                                           texts           range  start_ns  end_ns
            # Of 10000 without the 41 before the first step that kernels tell, which begins with a small one: the
            # tiny one before that is start-up.
            a      small_kernels  medium    900        90000/9959  {kernels: 101.0, short_kernels: 100.0, short_kernels_ns: 900.0, short_ns: 10.0}  {kernel: tiny}  NULL   57        6016
            """
        ),
    ),
    Case(
        "what runs before the first step behind warm-up is start-up; of a process without steps nothing is",
        traces={
            "a": Recording()
            # Autotuning: short, many, and of a kernel that is long in steps.
            .work(*(kernel("tuned", 10 * n, 10 * n + 5) for n in range(10)))
            .range("step 0", 100, 180)
            .call("cudaLaunchKernel_v7000", 105, 110, kernel("tiny", 120, 124))
            .range("step 1", 200, 220)
            .call("cudaLaunchKernel_v7000", 201, 202, kernel("tiny", 205, 209))
            .range("step 2", 230, 250)
            .call("cudaLaunchKernel_v7000", 231, 232, kernel("tiny", 235, 239))
            .range("step 3", 260, 280)
            .call("cudaLaunchKernel_v7000", 261, 262, kernel("tuned", 265, 285))
            .work(kernel("other", 0, 9, device=1), pid=2)
        },
        params={"short_ns": 10, "often": 2},
        expected=across(
            """
            trace  code           severity  saving_ns  saving_pct  numbers                                                                     texts            range  start_ns  end_ns
            # Of 285 and 9 without the gaps of 45, 25 and 81 until step 1.
            a      small_kernels  medium    4 + 4 + 9  1700/143    {kernels: 4.0, short_kernels: 3.0, short_kernels_ns: 17.0, short_ns: 10.0}  {kernel: other}  NULL   0         239
            """
        ),
    ),
]
