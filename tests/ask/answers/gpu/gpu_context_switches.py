from made.case import Case, across
from made.nsys import Recording, kernel

RESTORED, SAVED = 8, 7

SHARED = (
    Recording()
    .process(1, "/usr/bin/server")
    .process(2, "/usr/bin/client")
    .work(kernel("a", 0, 90))
    .work(kernel("b", 0, 90), pid=2)
    .switch(SAVED, 5, pid=1)  # it had the GPU before the recording
    .switch(RESTORED, 6, pid=2)
    .switch(3, 20, pid=2)  # of the switch itself
    .switch(SAVED, 26, pid=2)
    .switch(RESTORED, 30, pid=1)
    .switch(SAVED, 40, pid=1)
    .switch(RESTORED, 41, pid=1, context=61)
    .switch(SAVED, 71, pid=1, context=61)
    .switch(RESTORED, 75, pid=2)
    .switch(SAVED, 80, pid=2)
    .switch(RESTORED, 81, pid=99)  # somebody else's
    .switch(SAVED, 95, pid=99)
    .switch(RESTORED, 105, pid=1)  # and has it at the end
    .switch(RESTORED, 0, pid=2, gpu=1)
    .switch(SAVED, 8, pid=2, gpu=1)
)

CASES = [
    Case(
        "three processes take turns on a GPU; a slice without start or end has no time",
        traces={"a": SHARED},
        expected=across(
            """
            trace  gpu_id  owner_pid  process  contexts  slices  cut  total_ns  share_pct  avg_ns  max_ns  wait_ns
            a      0       1          server   2         4       2    10 + 30   40         20      30      34      # 71 to 105; of 5 to 105
            a      0       2          client   1         2       0    20 + 5    25         12.5    20      49      # 26 to 75
            a      0       99         NULL     1         1       0    14        14         14      14      NULL
            a      1       2          client   1         1       0    8         100        8       8       NULL
            """
        ),
    ),
    Case(
        "a slice that began before the window is cut",
        traces={"a": SHARED},
        params={"from": 35, "to": 80},
        expected=across(
            """
            trace  gpu_id  owner_pid  process  contexts  slices  cut  total_ns  share_pct     avg_ns  max_ns  wait_ns
            a      0       1          server   2         2       1    30        100*30/35     30      30      1     # 40 to 41; of 40 to 75
            a      0       2          client   1         1       1    0         0             NULL    NULL    NULL
            """
        ),
    ),
]
