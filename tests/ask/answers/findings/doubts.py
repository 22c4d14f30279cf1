from made.case import Case, across
from made.nsys import Recording, kernel

CASES = [
    Case(
        "work outside ranges is told where there are ranges, and where most of it is outside",
        traces={
            "a": Recording()
            .range("step", 0, 10)
            .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20))
            .call("cudaLaunchKernel_v7000", 20, 22, kernel("k", 30, 60)),
            "inside": Recording()
            .range("step", 0, 10)
            .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20)),
            "without": Recording().call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20)),
        },
        expected=across(
            """
            trace  code          severity  saving_ns  saving_pct  numbers                                  texts  range  start_ns  end_ns
            # 10 of 10 + 30.
            a      unattributed  low       NULL       NULL        {gpu_in_ranges_pct: 25.0, gpu_ns: 40.0}  []     NULL   NULL      NULL
            """
        ),
    ),
]
