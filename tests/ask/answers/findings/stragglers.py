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
    Case(
        "what a rank runs before its first step behind warm-up is start-up, also where the others come later",
        traces={
            "a": Recording()
            # 40 before any step, and 30 in warm-up.
            .work(kernel("ncclDevKernel_AllReduce", 0, 50, device=0), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 40, 50, device=1), pid=2)
            .range("step 0", 51, 190, pid=1)
            .call("cudaLaunchKernel_v7000", 96, 97, kernel("ncclDevKernel_AllReduce", 100, 180), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 130, 180, device=1), pid=2)
            .range("step 1", 195, 220, pid=1)
            .call("cudaLaunchKernel_v7000", 196, 197, kernel("ncclDevKernel_AllReduce", 200, 215), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 205, 215, device=1), pid=2)
            .range("step 2", 230, 250, pid=1)
            .call("cudaLaunchKernel_v7000", 231, 232, kernel("ncclDevKernel_AllReduce", 235, 245), pid=1)
            .work(kernel("ncclDevKernel_AllReduce", 238, 245, device=1), pid=2)
            .range("step 3", 260, 280, pid=1)
            .call("cudaLaunchKernel_v7000", 261, 262, kernel("gemm", 265, 275), pid=1)
        },
        expected=across(
            """
            trace  code       severity  saving_ns  saving_pct  numbers                                                      texts                              range  start_ns  end_ns
            # 5 and 3 of the first rank; of the second one nothing tells steps.
            a      straggler  low       5 + 3      800/410     {waited_ns: 8.0, collectives: 4.0, pid: 1.0, device_id: 0.0}  {kernel: ncclDevKernel_AllReduce}  NULL   40        245
            """
        ),
    ),
]
