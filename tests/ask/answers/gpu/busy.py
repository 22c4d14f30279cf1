from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"

HOST = (
    Recording()
    .gpu(0, "NVIDIA H100", cuda=0)
    .call(LAUNCH, 0, 5, kernel("k", 10, 100))
    .call("cudaStreamSynchronize_v3020", 20, 110)
    .os_call("poll", 112, 118)
    .call("cudaMalloc_v3020", 120, 130)
    .os_call("ioctl", 121, 129)  # of the call around it
    .call("cudaMemcpyAsync_v3020", 140, 150, copy("Host-to-Device", 160, 170, 4))
    .call(LAUNCH, 165, 180, kernel("k", 185, 195))
    .work(kernel("unknown", 200, 210))
    .call("cudaStreamSynchronize_v3020", 0, 500, tid=2)  # a thread that launches nothing
)

# Calls of the operating system that begin with the call of CUDA around them, one of which lasts as long.
TOGETHER = (
    Recording()
    .os_call("poll", 10, 20)
    .os_call("read", 40, 50)
    .call("cudaMalloc_v3020", 10, 30)
    .call("cudaFree_v3020", 40, 50)
    .call(LAUNCH, 60, 60, kernel("b", 60, 70))
    .work(kernel("a", 0, 10))
)

# Calls that begin in one another and end after it, before a gap begins.
CROSSING = (
    Recording()
    .call("cudaMalloc_v3020", 0, 30)
    .call("cudaFree_v3020", 5, 40)
    .call("cudaHostAlloc_v3020", 7, 50)
    .call(LAUNCH, 60, 60, kernel("b", 60, 70))
    .work(kernel("a", 0, 10))
)

SHARED = (
    Recording()
    .gpu(0, "NVIDIA H100", cuda=0)
    .call(LAUNCH, 0, 1, kernel("a", 10, 20), pid=1)
    .call(LAUNCH, 12, 14, kernel("b", 15, 40, stream=8), pid=2)
    .call("cudaGraphLaunch_v10000", 42, 60, graph(50, 70), pid=1)  # starts before its call returns
    .call("cuGraphLaunch", 44, 55, pid=1, layer="driver", nested=True)
    .call(LAUNCH, 45, 46, kernel("c", 90, 90), kernel("d", 80, 90), pid=2)
)

CASES = [
    Case(
        "a gap is what the launching thread was in, and what passed after its call; all of it adds up to the span",
        traces={"a": HOST},
        expected=across(
            """
            trace  gpu_id  gpu          pid  cause         function               time_ns  share_pct  gaps  longest_ns  longest_gap_ns  span_ns
            a      0       NVIDIA H100  1    busy          NULL                   120      60         NULL  NULL        60              200  # 90 + 10 + 10 + 10 of 10 to 210
            a      0       NVIDIA H100  1    queue         NULL                   15       7.5        2     10          60              200  # 150 to 160, 180 to 185
            a      0       NVIDIA H100  1    host_work     NULL                   14       7          1     14          60              200  # 110 to 112, 118 to 120, 130 to 140
            a      0       NVIDIA H100  1    copy          cudaMemcpyAsync        10       5          1     10          60              200  # 140 to 150
            a      0       NVIDIA H100  1    launch        cudaLaunchKernel       10       5          1     10          60              200  # 170 to 180
            a      0       NVIDIA H100  1    other_call    cudaMalloc             10       5          1     10          60              200  # 120 to 130
            a      0       NVIDIA H100  1    sync          cudaStreamSynchronize  10       5          1     10          60              200  # 100 to 110
            a      0       NVIDIA H100  1    os_call       poll                   6        3          1     6           60              200  # 112 to 118
            a      0       NVIDIA H100  1    not_recorded  NULL                   5        2.5        1     5           60              200  # 195 to 200
            """
        ),
    ),
    Case(
        "a GPU that two processes share is idle when neither uses it; a call in a call is part of the outer one",
        traces={"a": SHARED},
        expected=across(
            """
            trace  gpu_id  gpu          pid   cause      function         time_ns  share_pct  gaps  longest_ns  longest_gap_ns  span_ns
            a      0       NVIDIA H100  NULL  busy       NULL             60       75         NULL  NULL        10              80  # 10 to 40, 50 to 70, 80 to 90
            a      0       NVIDIA H100  NULL  queue      NULL             10       12.5       1     10          10              80  # 70 to 80
            a      0       NVIDIA H100  NULL  launch     cudaGraphLaunch  8        10         1     8           10              80  # 42 to 50
            a      0       NVIDIA H100  NULL  host_work  NULL             2        2.5        1     2           10              80  # 40 to 42
            """
        ),
    ),
    Case(
        "by process, what the other one does is idle time",
        traces={"a": SHARED},
        params={"by": "process"},
        expected=across(
            """
            trace  gpu_id  gpu          pid  cause      function          time_ns  share_pct  gaps  longest_ns  longest_gap_ns  span_ns
            a      0       NVIDIA H100  1    busy       NULL              30       50         NULL  NULL        30              60  # 10 to 20, 50 to 70
            a      0       NVIDIA H100  1    host_work  NULL              22       1100 / 30  1     22          30              60  # 20 to 42
            a      0       NVIDIA H100  1    launch     cudaGraphLaunch   8        400 / 30   1     8           30              60  # 42 to 50
            a      0       NVIDIA H100  2    busy       NULL              35       3500 / 75  NULL  NULL        40              75  # 15 to 40, 80 to 90
            a      0       NVIDIA H100  2    queue      NULL              34       3400 / 75  1     34          40              75  # 46 to 80
            a      0       NVIDIA H100  2    host_work  NULL              5        500 / 75   1     5           40              75  # 40 to 45
            a      0       NVIDIA H100  2    launch     cudaLaunchKernel  1        100 / 75   1     1           40              75  # 45 to 46
            """
        ),
    ),
    Case(
        "of calls that begin together the longer one holds the other; of equal ones that of CUDA",
        traces={"a": TOGETHER},
        expected=across(
            """
            trace  gpu_id  gpu   pid  cause       function    time_ns  share_pct  gaps  longest_ns  longest_gap_ns  span_ns
            a      0       NULL  1    busy        NULL        20       2000 / 70  NULL  NULL        50              70
            a      0       NULL  1    host_work   NULL        20       2000 / 70  1     20          50              70  # 30 to 40, 50 to 60
            a      0       NULL  1    other_call  cudaMalloc  20       2000 / 70  1     20          50              70  # 10 to 30
            a      0       NULL  1    other_call  cudaFree    10       1000 / 70  1     10          50              70  # 40 to 50
            """
        ),
    ),
    Case(
        "of calls that cross each other the first one holds the thread until it ends, wherever a gap begins",
        traces={"a": CROSSING},
        expected=across(
            """
            trace  gpu_id  gpu   pid  cause       function       time_ns  share_pct  gaps  longest_ns  longest_gap_ns  span_ns
            a      0       NULL  1    busy        NULL           20       2000 / 70  NULL  NULL        50              70
            a      0       NULL  1    other_call  cudaMalloc     20       2000 / 70  1     20          50              70  # 10 to 30
            a      0       NULL  1    host_work   NULL           10       1000 / 70  1     10          50              70  # 50 to 60
            a      0       NULL  1    other_call  cudaFree       10       1000 / 70  1     10          50              70  # 30 to 40
            a      0       NULL  1    other_call  cudaHostAlloc  10       1000 / 70  1     10          50              70  # 40 to 50
            """
        ),
    ),
    Case(
        "an operation alone, of no duration: nothing is idle, and nothing has a share of nothing",
        traces={"a": Recording().work(kernel("k", 5, 5)), "b": Recording().work(kernel("k", 5, 8))},
        params={"trace": ["a"]},
        expected=across(
            """
            trace  gpu_id  gpu   pid  cause  function  time_ns  share_pct  gaps  longest_ns  longest_gap_ns  span_ns
            a      0       NULL  1    busy   NULL      0        NULL       NULL  NULL        NULL            0
            """
        ),
    ),
    Case(
        "traces of one tag are added up, GPU by GPU; what they do not share is NULL",
        traces={
            "a": Recording(run="x")
            .gpu(0, "NVIDIA H100", cuda=0)
            .work(kernel("k", 0, 10), kernel("k", 30, 40)),
            "b": Recording(run="x").work(kernel("k", 0, 5), pid=2),
        },
        params={"by": "tag:run"},
        expected=across(
            """
            trace  gpu_id  gpu   pid   cause         function  time_ns  share_pct  gaps  longest_ns  longest_gap_ns  span_ns
            x      0       NULL  NULL  busy          NULL      25       2500/45    NULL  NULL        20              45
            x      0       NULL  NULL  not_recorded  NULL      20       2000/45    1     20          20              45
            """
        ),
    ),
]
