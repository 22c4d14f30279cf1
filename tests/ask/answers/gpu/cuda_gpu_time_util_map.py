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

CASES = [
    Case(
        "four bins of 100 ns; time with two kernels counts once, copies do not",
        traces={"a": WORK},
        params={"bins": 4},
        expected=across(
            """
            trace  pid  device_id  bin  start_ns  busy_pct
            a      1    0          0    0         50        # 50 to 100
            a      1    0          1    100       20        # to 120
            a      1    0          2    200       50        # the graph
            a      1    0          3    300       10
            a      2    1          0    0         100
            a      2    1          1    100       100
            a      2    1          2    200       0
            a      2    1          3    300       0
            """
        ),
    ),
    Case(
        "without graphs; a recording of unknown length ends with its last kernel",
        traces={"a": Recording().work(graph(0, 50), kernel("k", 60, 80), kernel("k", 90, 100))},
        params={"bins": 2, "graphs": False},
        expected=across(
            """
            trace  pid  device_id  bin  start_ns  busy_pct
            a      1    0          0    0         0
            a      1    0          1    50        60        # 20 + 10 of 50
            """
        ),
    ),
]
