from made.case import Case, across
from made.nsys import Recording, copy, kernel

SHARED = Recording().work(kernel("k", 0, 10)).work(kernel("k", 5, 20), pid=2)

CASES = [
    Case(
        "the rows of a device add up to the time from its first to its last operation",
        traces={
            "a": Recording().work(
                kernel("k", 10, 60),
                kernel("k", 40, 70, stream=8),
                copy("Device-to-Host", 50, 55, 4, stream=9),
                # The next kernel of a stream may start before the last one ends: one stream, once.
                kernel("k", 90, 100),
                kernel("k", 95, 110),
                # Nothing that lasts: the device's time begins and ends with what does.
                kernel("empty", 0, 0),
                kernel("k", 10, 20, device=1),
            )
        },
        expected=across(
            """
            trace  pid  gpu_id  device_id  streams  time_ns  share_pct
            a      1    0       0          0        20       20         # 70 to 90
            a      1    0       0          1        60       60         # 10 to 40, 60 to 70, 90 to 110
            a      1    0       0          2        15       15         # 40 to 50, 55 to 60
            a      1    0       0          3        5        5          # 50 to 55
            a      1    1       1          1        10       100
            """
        ),
    ),
    Case(
        "streams of all processes that share a GPU work at the same time",
        traces={"a": SHARED},
        expected=across(
            """
            trace  pid   gpu_id  device_id  streams  time_ns  share_pct
            a      NULL  0       0          1        15       75         # 0 to 5, 10 to 20
            a      NULL  0       0          2        5        25         # 5 to 10
            """
        ),
    ),
    Case(
        "who works there for no time shares the GPU, too",
        traces={"a": Recording().work(kernel("k", 0, 5)).work(kernel("k", 9, 9), pid=2)},
        expected=across(
            """
            trace  pid   gpu_id  device_id  streams  time_ns  share_pct
            a      NULL  0       0          1        5        100
            """
        ),
    ),
    Case(
        "each process by itself has one",
        traces={"a": SHARED},
        params={"by": "process"},
        expected=across(
            """
            trace  pid  gpu_id  device_id  streams  time_ns  share_pct
            a      1    0       0          1        10       100
            a      2    0       0          1        15       100
            """
        ),
    ),
    Case(
        "traces of one tag are added up, GPU by GPU",
        traces={
            "a": Recording(run="x").work(kernel("k", 0, 10)),
            "b": Recording(run="x").work(kernel("k", 0, 20), kernel("k", 10, 20, stream=8), pid=2),
        },
        params={"by": "tag:run"},
        expected=across(
            """
            trace  pid   gpu_id  device_id  streams  time_ns  share_pct
            x      NULL  0       0          1        10 + 10  200/3
            x      2     0       0          2        10       100/3
            """
        ),
    ),
]
