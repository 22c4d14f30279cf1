from made.case import Case, across
from made.nsys import TWIN, Recording, kernel

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
    Case(
        "two processes of one pid are two ranks: what the one that waits most waits is its own",
        traces={
            "a": Recording()
            .work(kernel("ncclDevKernel_AllReduce", 5, 105))
            .work(kernel("ncclDevKernel_AllReduce", 65, 105), pid=TWIN)
            .work(kernel("ncclDevKernel_AllReduce", 65, 105, device=1), pid=2)
            .work(kernel("ncclDevKernel_AllReduce", 255, 305))
            .work(kernel("ncclDevKernel_AllReduce", 205, 305), pid=TWIN)
            .work(kernel("ncclDevKernel_AllReduce", 190, 305, device=1), pid=2)
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                        texts                              range  start_ns  end_ns
            # 60 of the first one, 50 of its twin, 65 of the third one, of 300 + 240 on both GPUs.
            a      straggler  high      175        17500/540   {waited_ns: 175.0, collectives: 2.0, pid: 2.0, device_id: 1.0}  {kernel: ncclDevKernel_AllReduce}  NULL   5         305
            """
        ),
    ),
]
