from made.case import Case, across
from made.nsys import Recording, kernel

CASES = [
    Case(
        "communication without computation counts, of all GPUs together",
        traces={
            "a": Recording()
            .work(kernel("gemm", 0, 100), kernel("ncclDevKernel_AllReduce", 80, 150, stream=9))
            .work(
                kernel("gemm", 0, 100, device=1),
                kernel("ncclDevKernel_AllReduce", 70, 100, device=1, stream=9),
            ),
            "b": Recording().work(kernel("gemm", 0, 100)),
        },
        expected=across(
            """
            trace  code                   severity  saving_ns  saving_pct  numbers                                       texts  range  start_ns  end_ns
            # 50 of 150 + 100; 20 and 30 of 70 + 30 are hidden.
            a      exposed_communication  high      50         20          {gpus: 2.0, exposed_ns: 50.0, hidden_pct: 50.0}  []     NULL   100       150
            """
        ),
    ),
    Case(
        "communication before the first step behind warm-up is start-up; computation then still hides that of others",
        traces={
            "a": Recording()
            .work(kernel("ncclDevKernel_AllReduce", 0, 100, stream=9))
            .range("step 0", 100, 180)
            .call("cudaLaunchKernel_v7000", 105, 110, kernel("gemm", 120, 130))
            .range("step 1", 200, 220)
            .call("cudaLaunchKernel_v7000", 201, 202, kernel("ncclDevKernel_AllReduce", 205, 215, stream=9))
            .range("step 2", 230, 250)
            .call("cudaLaunchKernel_v7000", 231, 232, kernel("gemm", 235, 245))
            .range("step 3", 260, 280)
            .call("cudaLaunchKernel_v7000", 261, 262, kernel("gemm", 265, 275))
            # Of a process in which nothing tells steps: 10 beside what the other one computes at first.
            .work(kernel("ncclDevKernel_AllReduce", 110, 180, stream=7), pid=2)
        },
        expected=across(
            """
            trace  code                   severity  saving_ns     saving_pct  numbers                                                   texts  range  start_ns  end_ns
            # 10 of 80 are hidden. Of 275 without the gap of 25 until step 1, but not that of 10 before the other process.
            a      exposed_communication  high      10 + 50 + 10  7000/250    {gpus: 1.0, exposed_ns: 70.0, hidden_pct: 12.5}  []     NULL   110       215
            """
        ),
    ),
]
