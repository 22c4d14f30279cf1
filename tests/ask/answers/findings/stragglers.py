from made.case import Case, across
from made.nsys import Recording, kernel

CASES = [
    Case(
        "what ranks wait for the last one is added up; who waits most is named",
        traces={
            "a": Recording()
            .work(kernel("ncclDevKernel_AllReduce", 0, 100, device=0), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 60, 100, device=1), pid=2)
            .work(kernel("ncclDevKernel_AllReduce", 210, 300, device=0), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 200, 300, device=1), pid=2),
            "b": Recording().work(kernel("ncclDevKernel_AllReduce", 0, 100)),
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                        texts                              range  start_ns  end_ns
            # 60 and 10, of 300 + 240 on both GPUs.
            a      straggler  medium    70         7000/540    {waited_ns: 70.0, collectives: 2.0, pid: 1.0, device_id: 0.0}  {kernel: ncclDevKernel_AllReduce}  NULL   NULL      NULL
            """
        ),
    ),
]
