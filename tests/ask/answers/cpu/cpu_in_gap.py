from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"

GAPS = {
    "a": Recording()
    .thread(2, "loader")
    .work(kernel("first", 0, 100))
    # The longest gap, from 100 to 300.
    .call(LAUNCH, 280, 310, kernel("second", 300, 350))
    .work(kernel("third", 400, 410))
    .os_call("read", 90, 150, tid=2)
    .os_call("read", 160, 180, tid=2)
    .os_call("poll", 300, 340, tid=2)
    # Of another process.
    .os_call("write", 110, 120, pid=5)
    .cpu_sample(100, "parse@/bin/app", "main@/bin/app")
    .cpu_sample(299, "parse@/bin/app", "main@/bin/app")
    .cpu_sample(200, "hash@/bin/app", "main@/bin/app")
    .cpu_sample(300, "late@/bin/app")
    .python_sample(250, "load@/x/data.py:3", tid=2)
    .scheduled(120, 0, on=True)
    .scheduled(250, 0, on=False)
}

CASES = [
    Case(
        "calls and stretches count as far as they lie in the gap, samples from its start until before its end",
        traces=GAPS,
        expected=across(
            """
            trace  gap_start_ns  gap_ns  next_operation  kind            pid  tid  thread  what              events  overlap_ns  share_pct
            a      100           200     second          API calls       1    1    NULL    cudaLaunchKernel  1       20          10
            a      100           200     second          CPU samples     1    1    NULL    parse             2       NULL        200/3
            a      100           200     second          CPU samples     1    1    NULL    hash              1       NULL        100/3
            a      100           200     second          OS calls        1    2    loader  read              2       50 + 20     35
            a      100           200     second          Python samples  1    2    loader  load (data.py)    1       NULL        100
            a      100           200     second          scheduling      1    1    NULL    on the CPU        1       130         65
            a      100           200     second          scheduling      1    1    NULL    off the CPU       1       50          25
            """
        ),
    ),
    Case(
        "the second longest gap, one row of each kind",
        traces=GAPS,
        params={"gap": 2, "limit": 1},
        expected=across(
            """
            trace  gap_start_ns  gap_ns  next_operation  kind        pid  tid  thread  what         events  overlap_ns  share_pct
            a      350           50      third           scheduling  1    1    NULL    off the CPU  1       50          100
            """
        ),
    ),
    Case(
        "a thread that has ended is not off the CPU, and what was lost between two events alike is not known",
        traces={
            "a": Recording()
            .work(kernel("first", 0, 100), kernel("second", 200, 300))
            .scheduled(5, 0, on=True)
            .scheduled(20, 0, on=True)
            .scheduled(130, 0, on=False)
            .scheduled(10, 1, on=True, tid=2)
            .scheduled(15, 1, on=False, state="Terminated", tid=2)
            .call("cudaFree", 50, 40, tid=3)
        },
        expected=across(
            """
            trace  gap_start_ns  gap_ns  next_operation  kind        pid  tid  thread  what         events  overlap_ns  share_pct
            a      100           100     second          scheduling  1    1    NULL    off the CPU  1       70          70
            a      100           100     second          scheduling  1    1    NULL    on the CPU   1       30          30
            """
        ),
    ),
    Case(
        "of a GPU that the report does not tell",
        traces={
            "a": Recording()
            .work(kernel("first", 0, 100, device=None))
            .call(LAUNCH, 180, 220, kernel("second", 200, 300, device=None))
        },
        expected=across(
            """
            trace  gap_start_ns  gap_ns  next_operation  kind       pid  tid  thread  what              events  overlap_ns  share_pct
            a      100           100     second          API calls  1    1    NULL    cudaLaunchKernel  1       20          20
            """
        ),
    ),
]
