from made.case import Case, across
from made.nsys import Recording, kernel

CASES = [
    Case(
        "what ranks wait for the last one is added up; who waits most is named",
        traces={
            "a": Recording()
            .work(kernel("ncclDevKernel_AllReduce", 5, 105, device=0), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 65, 105, device=1), pid=2)
            .work(kernel("ncclDevKernel_AllReduce", 215, 305, device=0), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 205, 305, device=1), pid=2)
            .work(kernel("ncclDevKernel_Broadcast", 405, 465, device=0), pid=1)
            .work(kernel("ncclDevKernel_Broadcast", 440, 465, device=1), pid=2)
            .work(kernel("ncclDevKernel_AllGather", 510, 575, device=0), pid=1)
            .work(kernel("ncclDevKernel_AllGather", 505, 575, device=1), pid=2),
            "b": Recording().work(kernel("ncclDevKernel_AllReduce", 0, 100)),
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                        texts                              range  start_ns  end_ns
            # 60 + 35 of the first rank and 10 + 5 of the second one, of 570 + 510 on both GPUs.
            a      straggler  medium    110        11000/1080  {waited_ns: 110.0, collectives: 4.0, pid: 1.0, device_id: 0.0}  {kernel: ncclDevKernel_AllReduce}  NULL   5         575
            """
        ),
    ),
]
