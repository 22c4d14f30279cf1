"""Cases of memory_alive: what was not released yet, by where it was allocated."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

# In use: 60 from before, 160 from 12, 460 from 24 (the peak), 160 from 30, 100 from 40.
USED = (
    Recording()
    .range("load", 10, 20)
    .range("step", 21, 28)
    .call("cudaMalloc", 11, 13)
    .allocated(12, 100, 64, correlation=1)
    .call("cudaMalloc", 22, 25)
    .allocated(24, 300, 512, correlation=2)
    .allocated(30, 300, 512, released=True)
    .allocated(40, 60, 1024, released=True)
)
HEAD = "trace  pid  gpu_id  memory_kind  at_ns  range_path  allocated_by  allocations  alive_bytes  share_pct  max_bytes  oldest_ns"

CASES = [
    Case(
        "at the peak: what was allocated and not released by then, and what was there before the recording",
        traces={"a": USED},
        expected=across(
            f"""
            {HEAD}
            a      1    0       GPU memory   24     step        cudaMalloc    1            300          30000/460  300        24
            a      1    0       GPU memory   24     load        cudaMalloc    1            100          10000/460  100        12
            a      1    0       GPU memory   24     NULL        NULL          1            60           6000/460   60         0
            """
        ),
    ),
    Case(
        "at another time",
        traces={"a": USED},
        params={"at": 35, "limit": 1},
        expected=across(
            f"""
            {HEAD}
            a      1    0       GPU memory   35     load        cudaMalloc    1            100          62.5       100        12
            """
        ),
    ),
    Case(
        "most was in use before the first event: all that is released without an allocation",
        traces={
            "a": Recording()
            .allocated(10, 100, 64, released=True)
            .allocated(20, 30, 512)
            .allocated(30, 50, 128, released=True)
        },
        expected=across(
            f"""
            {HEAD}
            a      1    0       GPU memory   0      NULL        NULL          2            100 + 50     100        100        0
            """
        ),
    ),
    Case(
        "before the first event",
        traces={"a": USED},
        params={"at": 5},
        expected=across(
            f"""
            {HEAD}
            a      1    0       GPU memory   5      NULL        NULL          1            60           100        60         0
            """
        ),
    ),
    Case(
        "what takes the place of another one is alive alone, at the peak that memory-use has, too",
        traces={
            "a": Recording()
            .call("cudaMalloc", 5, 11)
            .allocated(10, 100, 64, correlation=1)
            .allocated(20, 20, 64)
            .allocated(30, 70, 128)
        },
        expected=across(
            f"""
            {HEAD}
            a      1    0       GPU memory   10     NULL        cudaMalloc    1            100          100        100        10
            """
        ),
    ),
    Case(
        "threads' events at one address are crossed: what was allocated in between is alive until it is released",
        traces={
            "a": Recording()
            .allocated(10, 100, 64)
            .allocated(20, 50, 64)
            .allocated(30, 100, 64, released=True)
            .allocated(40, 40, 64, released=True)
        },
        params={"at": 35},
        expected=across(
            f"""
            {HEAD}
            a      1    0       GPU memory   35     NULL        NULL          1            40           100        40         30
            """
        ),
    ),
    Case(
        "each without an address is one, alive until one of its size is released",
        traces={
            "a": Recording()
            .allocated(10, 100, None)
            .allocated(20, 50, None)
            .allocated(25, 50, None)
            .allocated(30, 100, None, released=True)
            .allocated(35, 50, None, released=True)
        },
        params={"at": 30},
        expected=across(
            f"""
            {HEAD}
            a      1    0       GPU memory   30     NULL        NULL          2            100          100        50         20
            """
        ),
    ),
]
