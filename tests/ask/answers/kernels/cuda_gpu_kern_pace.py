from made.case import Case, across
from made.nsys import Recording, kernel

CASES = [
    Case(
        "from the end of one execution to the start of the next, per process and device",
        traces={
            "a": Recording()
            .work(kernel("add", 10, 20), kernel("mul", 20, 50), kernel("add", 50, 55), kernel("add", 54, 80))
            .work(kernel("add", 7, 10, device=1), pid=2)
        },
        params={"kernel": "add"},
        expected=across(
            """
            trace  pid  device_id  kernel  instance  start_ns  end_ns  duration_ns  delta_ns  accum_duration_ns  accum_delta_ns
            a      1    0          add     1         10        20      10           10        10               10
            a      1    0          add     2         50        55      5            30        15               40
            # Before the one before had ended.
            a      1    0          add     3         54        80      26           -1        41               39
            a      2    1          add     1         7         10      3            7         3                7
            """
        ),
    ),
    Case(
        "what is not known of an execution, its end, is not known of the time to the next one",
        traces={"a": Recording().work(kernel("add", 10, 20), kernel("add", 50, 45), kernel("add", 60, 70))},
        params={"kernel": "add"},
        expected=across(
            """
            trace  pid  device_id  kernel  instance  start_ns  end_ns  duration_ns  delta_ns  accum_duration_ns  accum_delta_ns
            a      1    0          add     1         10        20      10           10        10               10
            a      1    0          add     2         50        NULL    NULL         30        10               40
            a      1    0          add     3         60        70      10           NULL      20               40
            """
        ),
    ),
]
