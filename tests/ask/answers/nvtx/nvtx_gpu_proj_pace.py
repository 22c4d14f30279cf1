"""Cases of nvtx_gpu_proj_pace: the GPU work of one instance of a range after the other."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import TWIN, Recording, copy, kernel

LAUNCH = "cudaLaunchKernel_v7000"

TWO = {
    "a": Recording()
    .range("step", 0, 10)
    .call(LAUNCH, 1, 2, kernel("k", 20, 30))
    .call(LAUNCH, 3, 4, copy("Host-to-Device", 40, 50, 8))
    # Without GPU work.
    .range("step", 20, 30)
    # Never closed, and its work starts before that of the first one ends.
    .range("step", 40, None)
    .call(LAUNCH, 41, 42, kernel("k", 45, 65))
    .range("step", 40, 60, domain="lib", pid=2)
    .call(LAUNCH, 41, 42, kernel("k", 100, 103), pid=2),
    "b": Recording().range("step", 0, 10).call(LAUNCH, 1, 2, kernel("k", 7, 8)),
}

RANKS = Recording()
for start in (100, 1100, 2100, 3100):
    for rank, later in ((1, 0), (2, 7)):
        begin = start + later
        RANKS.range("step", begin, begin + 600, pid=rank)
        RANKS.call(LAUNCH, begin + 5, begin + 9, kernel("k", begin + 50, begin + 500), pid=rank)

THREADS = {
    "c": Recording()
    .range("step", 0, 50)
    .range("backward", 20, 40)
    .range("idle", 45, 50)
    .range("handed over", 10, 60, style="startend", end_tid=2)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14))
    .call(LAUNCH, 25, 26, kernel("k", 30, 36), tid=2)
    .call(LAUNCH, 30, 31, kernel("k", 34, 44), tid=2)
    # Begins in one range and ends in none.
    .call(LAUNCH, 39, 70, kernel("k", 80, 84), tid=2)
    # Of another process, and of no range of its own.
    .call(LAUNCH, 25, 26, kernel("k", 30, 90), pid=2),
}

CASES = [
    Case(
        "two ranks that run side by side follow each other on their own rank",
        traces={"ranks": RANKS},
        params={"range": "step"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            ranks  ''      1    1    0         150       600     450          450                150       150             1
            ranks  ''      1    1    1         1150      1600    450          900                550       700             3
            ranks  ''      1    1    2         2150      2600    450          1350               550       1250            5
            ranks  ''      1    1    3         3150      3600    450          1800               550       1800            7
            ranks  ''      2    1    0         157       607     450          450                157       157             2
            ranks  ''      2    1    1         1157      1607    450          900                550       707             4
            ranks  ''      2    1    2         2157      2607    450          1350               550       1257            6
            ranks  ''      2    1    3         3157      3607    450          1800               550       1807            8
            """
        ),
    ),
    Case(
        "from first start to last end of the work; instances without any are left out, open ones are not",
        traces=TWO,
        params={"range": "step"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      1    1    0         20        50      30           30                 20        20              1
            a      ''      1    1    1         45        65      20           50                 -5        15              3
            a      lib     2    1    0         100       103     3            3                  100       100             4
            b      ''      1    1    0         7         8       1            1                  7         7               1
            """
        ),
    ),
    Case(
        "of one trace",
        traces=TWO,
        params={"range": "step", "trace": "b"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            b      ''      1    1    0         7         8       1            1                  7         7               1
            """
        ),
    ),
    Case(
        "by process, what all threads launched",
        traces=THREADS,
        params={"range": "backward", "by": "process"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            c      ''      1    1    0         30        44      14           14                 30        30              2
            """
        ),
    ),
    Case(
        "processes of one pid follow each other, each with its own instances",
        traces={
            "a": Recording()
            .range("step", 10, 20)
            .range("step", 50, 90)
            .call("cudaLaunchKernel_v7000", 11, 12, kernel("k", 20, 30))
            .call("cudaLaunchKernel_v7000", 51, 52, kernel("k", 60, 70))
            .range("step", 10, 20, pid=TWIN)
            .range("step", 50, 90, pid=TWIN)
            .call("cudaLaunchKernel_v7000", 11, 12, kernel("k", 21, 25), pid=TWIN)
            .call("cudaLaunchKernel_v7000", 51, 52, kernel("k", 61, 65), pid=TWIN)
        },
        params={"range": "step"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      1    1    0         20        30      10           10                 20        20              1
            a      ''      1    1    1         60        70      10           20                 30        50              2
            a      ''      1    1    0         21        25      4            4                  21        21              3
            a      ''      1    1    1         61        65      4            8                  36        57              4
            """
        ),
    ),
    Case(
        "of all ranges, those without a text, too",
        traces={
            "n": Recording()
            .range(None, 0, 10)
            .call("cudaLaunchKernel", 1, 2, kernel("k", 10, 14))
            .range(None, 20, 30)
            .call("cudaLaunchKernel", 21, 22, kernel("k", 30, 36))
        },
        params={"range": "*"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            n      ''      1    1    0         10        14      4            4                  10        10              1
            n      ''      1    1    1         30        36      6            10                 16        26              2
            """
        ),
    ),
]
