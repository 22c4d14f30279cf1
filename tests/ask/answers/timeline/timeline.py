from made.case import Case, across
from made.nsys import TWIN, Recording, copy, graph, kernel

CASES = [
    Case(
        "threads by depth, then start/end ranges, then streams: a lane each, from the top",
        traces={
            "a": Recording()
            .duration(100)
            .range("step", 0, 50)
            .range("mask", 10, 20)
            .range("open", 60, None)
            .mark("nothing", 70)
            .range("request", 5, 90, style="startend")
            .work(
                kernel("add", 20, 40, stream=8),
                copy("Device-to-Host", 40, 60, 4),
                graph(30, 50, device=1),
            )
        },
        expected=across(
            """
            trace  lane_number  lane                kind    name                          start_ns  end_ns  duration_ns  events  busy_ns  busy_pct  hidden_gap_ns
            a      0            thread 1 start/end  range   request                       5         90      85           1       85       100       0
            a      1            thread 1 depth 0    range   step                          0         50      50           1       50       100       0
            # Never closed: until the end of the recording.
            a      1            thread 1 depth 0    range   open                          60        100     40           1       40       100       0
            a      2            thread 1 depth 1    range   mask                          10        20      10           1       10       100       0
            a      3            GPU 0 stream 7      memcpy  [CUDA memcpy Device-to-Host]  40        60      20           1       20       100       0
            a      4            GPU 0 stream 8      kernel  add                           20        40      20           1       20       100       0
            a      5            GPU 1 stream 7      graph   [CUDA graph 1]                30        50      20           1       20       100       0
            """
        ),
    ),
    Case(
        "too many events: the longest gap of all lanes parts blocks, a shorter one is hidden in one",
        traces={
            "a": Recording()
            .work(
                kernel("add", 0, 10),
                kernel("mul", 12, 20),  # 2 ns after
                kernel("add", 30, 40),  # 10 ns after: the longest
                kernel("mul", 41, 45),
                kernel("mul", 43, 50),  # at the same time
            )
            .work(kernel("add", 0, 10), kernel("add", 15, 20), pid=2)  # 5 ns after
        },
        # Two lanes have two blocks at least; one more is allowed.
        params={"max_blocks": 3},
        expected=across(
            """
            trace  lane_number  lane                       kind    name  start_ns  end_ns  duration_ns  events  busy_ns  busy_pct  hidden_gap_ns
            # 10 + 8 of 20; of two names of equal number the first
            a      0            process 1, GPU 0 stream 7  kernel  add   0         20      20           2       18       90        2
            # 10 + 9 of 20
            a      0            process 1, GPU 0 stream 7  kernel  mul   30        50      20           3       19       95        1
            a      1            process 2, GPU 0 stream 7  kernel  add   0         20      20           2       15       75        5
            """
        ),
    ),
    Case(
        "migrations of managed memory, which have no stream, have a lane of their own",
        traces={
            "a": Recording().work(
                kernel("add", 0, 10), copy("Unified Host-to-Device", 20, 25, 4096, address=4096)
            )
        },
        expected=across(
            """
            trace  lane_number  lane            kind    name                                  start_ns  end_ns  duration_ns  events  busy_ns  busy_pct  hidden_gap_ns
            a      0            GPU 0 stream 7  kernel  add                                   0         10      10           1       10       100       0
            a      1            GPU 0 stream ?  memcpy  [CUDA memcpy Unified Host-to-Device]  20        25      5            1       5        100       0
            """
        ),
    ),
    Case(
        "what runs for some of the time from 10 to 40 and what ends at 10, whole; not what starts at 40",
        traces={
            "a": Recording().work(
                kernel("a", 0, 10), kernel("b", 10, 20), kernel("c", 25, 40), kernel("d", 40, 50)
            )
        },
        params={"from_": 10, "to": "40ns"},
        expected=across(
            """
            trace  lane_number  lane            kind    name  start_ns  end_ns  duration_ns  events  busy_ns  busy_pct  hidden_gap_ns
            a      0            GPU 0 stream 7  kernel  a     0         10      10           1       10       100       0
            a      0            GPU 0 stream 7  kernel  b     10        20      10           1       10       100       0
            a      0            GPU 0 stream 7  kernel  c     25        40      15           1       15       100       0
            """
        ),
    ),
    Case(
        "lanes of processes with one pid have names of their own",
        traces={"a": Recording().work(kernel("a", 0, 10)).work(kernel("b", 5, 15), pid=TWIN)},
        expected=across(
            """
            trace  lane_number  lane                                                kind    name  start_ns  end_ns  duration_ns  events  busy_ns  busy_pct  hidden_gap_ns
            a      0            process 1 (16777216), GPU 0 stream 7         kernel  a     0         10      10           1       10       100       0
            a      1            process 1 (281474993487872), GPU 0 stream 7  kernel  b     5         15      10           1       10       100       0
            """
        ),
    ),
]
