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
]
