from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

WORK = (
    Recording()
    .duration(400)
    .work(
        kernel("k", 50, 110),
        kernel("k", 60, 120, stream=8),  # both: once
        graph(200, 250),
        copy("Device-to-Host", 300, 400, 4),  # no kernel
        kernel("k", 390, 400),
    )
    .work(kernel("k", 0, 200, device=1), pid=2)
)

# Two processes take turns on one GPU, which the second one knows as its second.
SHARED = (
    Recording()
    .duration(40)
    .work(kernel("k", 0, 10), kernel("k", 20, 30))
    .work(kernel("k", 10, 20, device=1), pid=2)
    .gpu(0, "H100", cuda=0, pid=1)
    .gpu(0, "H100", cuda=1, pid=2)
)

CASES = [
    Case(
        "four bins of 100 ns; time with two kernels counts once, copies do not",
        traces={"a": WORK},
        params={"bins": 4},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    0       0          0    0         50        # 50 to 100
            a      1    0       0          1    100       20        # to 120
            a      1    0       0          2    200       50        # the graph
            a      1    0       0          3    300       10
            a      2    1       1          0    0         100
            a      2    1       1          1    100       100
            a      2    1       1          2    200       0
            a      2    1       1          3    300       0
            """
        ),
    ),
    Case(
        "a width is rounded up, as the recipe does; kernels and graphs of equal times and numbers count once",
        traces={"a": Recording().duration(11).work(kernel("k", 4, 6), kernel("k", 10, 11)).work(graph(4, 6))},
        params={"bins": 5},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    0       0          0    0         0
            a      1    0       0          1    3         200/3     # 4 to 6
            a      1    0       0          2    6         0
            a      1    0       0          3    9         100/3     # 10 to 11
            a      1    0       0          4    12        0
            """
        ),
    ),
    Case(
        "a GPU that two processes share is busy with either",
        traces={"a": SHARED},
        params={"bins": 2},
        expected=across(
            """
            trace  pid   gpu_id  device_id  bin  start_ns  busy_pct
            a      NULL  0       NULL       0    0         100
            a      NULL  0       NULL       1    20        50        # 20 to 30
            """
        ),
    ),
    Case(
        "and with each of them for less",
        traces={"a": SHARED},
        params={"bins": 2, "by": "process"},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    0       0          0    0         50
            a      1    0       0          1    20        50
            a      2    0       1          0    0         50
            a      2    0       1          1    20        0
            """
        ),
    ),
    Case(
        "without graphs; a recording of unknown length ends with its last kernel",
        traces={"a": Recording().work(graph(0, 50), kernel("k", 60, 80), kernel("k", 90, 100))},
        params={"bins": 2, "graphs": False},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    0       0          0    0         0
            a      1    0       0          1    50        60        # 20 + 10 of 50
            """
        ),
    ),
    Case(
        "bins lie in the window that is asked for; kernels that reach beyond it count within",
        traces={"a": WORK},
        params={"bins": 2, "from": 60, "to": 210},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    0       0          0    60        80        # 60 to 120
            a      1    0       0          1    135       40/3      # the graph from 200 on
            a      2    1       1          0    60        100
            a      2    1       1          1    135       260/3     # to 200
            """
        ),
    ),
    Case(
        "a window ends with the recording, and what lies in a range where its last kernel does",
        traces={
            "a": Recording()
            .duration(100)
            .range("step", 0, 10)
            .call("cudaLaunchKernel", 1, 2, kernel("k", 20, 30))
            .call("cudaLaunchKernel", 3, 4, kernel("k", 50, 60))
            .work(kernel("k", 90, 100)),
        },
        params={"bins": 2, "from": 20, "to": 1000},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    0       0          0    20        50    # 20 of 40
            a      1    0       0          1    60        25
            """
        ),
    ),
    Case(
        "within a range",
        traces={
            "a": Recording()
            .duration(100)
            .range("step", 0, 10)
            .call("cudaLaunchKernel", 1, 2, kernel("k", 20, 30))
            .call("cudaLaunchKernel", 3, 4, kernel("k", 50, 60))
            .work(kernel("k", 90, 100)),
        },
        params={"bins": 2, "within": "step"},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    0       0          0    20        50
            a      1    0       0          1    40        50
            """
        ),
    ),
    Case(
        "a GPU that the report does not tell is one, too",
        traces={"a": Recording().duration(200).work(kernel("k", 0, 150, device=None))},
        params={"bins": 2},
        expected=across(
            """
            trace  pid  gpu_id  device_id  bin  start_ns  busy_pct
            a      1    NULL    NULL       0    0         100
            a      1    NULL    NULL       1    100       50
            """
        ),
    ),
]
