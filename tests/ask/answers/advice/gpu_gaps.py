from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel, memset

WORK = Recording().work(
    kernel("long", 0, 100),
    kernel("short", 20, 30, stream=8),  # ends before the long one: the time after it is not idle
    kernel("late", 130, 150),
    copy("Device-to-Host", 160, 170, 4),  # 10 ns are not longer than 10 ns
    graph(200, 210),
    kernel("first", 0, 10, device=1),
    kernel("second", 50, 60, device=1),
)

# Two processes take turns.
SHARED = (
    Recording()
    .work(kernel("k", 0, 10), kernel("k", 20, 35))
    .work(kernel("k", 10, 20), memset(40, 50, 4), pid=2)
)

CASES = [
    Case(
        "a gap begins when the last of all operations of its GPU has ended",
        traces={"a": WORK},
        params={"min_gap_ns": 10},
        expected=across(
            """
            trace  duration_ns  start_ns  pid  gpu_id  device_id  next_operation    gaps
            a      40           10        1    1       1          second            3     # 10 to 50
            a      30           100       1    0       0          late              3     # 100 to 130
            a      30           170       1    0       0          [CUDA graph 1]    3     # 170 to 200
            """
        ),
    ),
    Case(
        "without graphs the device ends earlier; gaps beyond the limit are counted",
        traces={"a": WORK},
        params={"min_gap_ns": 10, "graphs": False, "limit": 1},
        expected=across(
            """
            trace  duration_ns  start_ns  pid  gpu_id  device_id  next_operation  gaps
            a      40           10        1    1       1          second     2
            """
        ),
    ),
    Case(
        "half a second exactly is not longer than half a second, the length of NVIDIA's rule",
        traces={
            "a": Recording()
            .work(kernel("k", 0, 1), kernel("k", 500_000_001, 500_000_002))
            .work(kernel("k", 0, 1), kernel("k", 500_000_002, 500_000_003), pid=2)
            .gpu(0, "H100", cuda=0, pid=1)
            .gpu(1, "H100", cuda=0, pid=2)
        },
        params={"min_gap_ns": 500_000_000},
        expected=across(
            """
            trace  duration_ns  start_ns  pid  gpu_id  device_id  next_operation  gaps
            a      500_000_001  1         2    1       0          k          1
            """
        ),
    ),
    Case(
        "a GPU that two processes share is busy with either; gaps of any length are listed",
        traces={"a": SHARED},
        expected=across(
            """
            trace  duration_ns  start_ns  pid  gpu_id  device_id  next_operation  gaps
            a      5            35        2    0       0          [CUDA memset]   1     # 35 to 40
            """
        ),
    ),
    Case(
        "and each of them has left it to the other",
        traces={"a": SHARED},
        params={"by": "process"},
        expected=across(
            """
            trace  duration_ns  start_ns  pid  gpu_id  device_id  next_operation  gaps
            a      20           20        2    0       0          [CUDA memset]   2     # 20 to 40
            a      10           10        1    0       0          k               2     # 10 to 20
            """
        ),
    ),
    Case(
        "an operation alone has no gap, not even of no duration",
        traces={"a": Recording().work(kernel("k", 5, 5))},
        expected=across("trace  duration_ns  start_ns  pid  gpu_id  device_id  next_operation  gaps"),
    ),
]
