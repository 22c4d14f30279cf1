from made.case import Case, across
from made.nsys import Recording, graph, kernel

WORK = Recording().work(
    # Five chunks of 100 ns: in use for 100, 10, 30, 100 + 100 and 20 ns.
    kernel("k", 0, 110),
    kernel("k", 270, 400),
    kernel("k", 300, 400, stream=8),
    kernel("k", 480, 500),
    # Always in use.
    kernel("k", 5, 60, device=1),
)

# Two processes take turns.
SHARED = (
    Recording()
    .work(kernel("k", 0, 100), kernel("k", 200, 300))
    .work(kernel("k", 100, 200), kernel("k", 300, 380), kernel("k", 400, 400), pid=2)
)

CASES = [
    Case(
        "neighbouring chunks of low use are joined; what runs at the same time counts twice",
        traces={"a": WORK},
        params={"chunks": 5},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id
            a      20          200          100       1    0       0          # 10 + 30 of 200
            a      20          100          400       1    0       0
            """
        ),
    ),
    Case(
        "a GPU that two processes share is in use by either",
        traces={"a": SHARED},
        params={"chunks": 4, "threshold_pct": 90},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid   gpu_id  device_id
            a      80          100          300       NULL  0       0
            """
        ),
    ),
    Case(
        "and by each of them for some of the time between its first and its last operation",
        traces={"a": SHARED},
        params={"chunks": 4, "threshold_pct": 90, "by": "process"},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id
            a      100/3       150          75        1    0       0          # 25 + 25 of 150
            a      140/3       225          175       2    0       0          # 25 + 25 + 55 of 225
            """
        ),
    ),
    Case(
        "a chunk at the threshold is not below it",
        traces={"a": WORK},
        params={"chunks": 5, "threshold_pct": 20},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id
            a      10          100          100       1    0       0          # not joined with the 30 % beside it
            """
        ),
    ),
    Case(
        "a whole graph is work, unless it is left out; the least used comes first, and the limit counts",
        traces={"a": Recording().work(kernel("k", 0, 40), graph(100, 200), kernel("k", 300, 310))},
        params={"chunks": 1, "threshold_pct": 100, "graphs": False, "limit": 1},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id
            a      500/31      310          0         1    0       0          # 40 + 10 of 310
            """
        ),
    ),
    Case(
        "with graphs",
        traces={"a": Recording().work(kernel("k", 0, 40), graph(100, 200), kernel("k", 300, 310))},
        params={"chunks": 1, "threshold_pct": 100},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id
            a      1500/31     310          0         1    0       0          # 40 + 100 + 10 of 310
            """
        ),
    ),
    Case(
        "an operation of no duration takes no time that could be cut into chunks",
        traces={"a": Recording().work(kernel("k", 5, 5))},
        expected=across("trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id"),
    ),
    Case(
        "how long an operation took that ends before it starts is not known, and no time in use",
        traces={"a": Recording().work(kernel("k", 0, 10), kernel("odd", 20, 5), kernel("k", 90, 100))},
        params={"chunks": 1},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id
            a      20          100          0         1    0       0
            """
        ),
    ),
    Case(
        "a GPU that the report does not tell is one, too",
        traces={"a": Recording().work(kernel("k", 0, 100, device=None), kernel("k", 190, 200, device=None))},
        params={"chunks": 2, "threshold_pct": 100},
        expected=across(
            """
            trace  in_use_pct  duration_ns  start_ns  pid  gpu_id  device_id
            a      10          100          100       1    NULL    NULL
            """
        ),
    ),
]
