"""Cases of nvtx_pace: one instance of a range after the other, on the CPU."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import TWIN, Recording

TWO = {
    "a": Recording()
    .range("step", 10, 20)
    .range("step", 50, 90)
    # Of another process, and of another thread.
    .range("step", 80, 95, pid=2)
    .range("step", 85, 88, tid=7)
    .range("step", 30, 40, domain="lib")
    # Of no thread; the second one begins before the first one ends.
    .range("step", 20, 60, domain="async", style="startend")
    .range("step", 40, 70, domain="async", style="startend", tid=7)
    .range("step", 100, None)
    .mark("step", 5)
    .range("steps", 0, 5),
    "b": Recording().range("step", 7, 8),
}

RANKS = Recording()
for start in (100, 1100, 2100, 3100):
    RANKS.range("step", start, start + 600).range("step", start + 7, start + 607, pid=2)

CASES = [
    Case(
        "the first delta counts from the start of the trace; processes, threads and domains are apart; start/end "
        "ranges are of no thread, and where they overlap the delta is negative",
        traces=TWO,
        params={"range": "step"},
        expected=across(
            """
            trace  domain  pid  tid   instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      1    1     0         10        20      10           10                 10        10              1
            a      ''      1    1     1         50        90      40           50                 30        40              2
            a      ''      1    7     0         85        88      3            3                  85        85              4
            a      ''      2    1     0         80        95      15           15                 80        80              3
            a      async   1    NULL  0         20        60      40           40                 20        20              6
            a      async   1    NULL  1         40        70      30           70                 -20       0               7
            a      lib     1    1     0         30        40      10           10                 30        30              5
            b      ''      1    1     0         7         8       1            1                  7         7               1
            """
        ),
    ),
    Case(
        "ranges of two ranks that run side by side follow each other on their own rank",
        traces={"ranks": RANKS},
        params={"range": "step"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            ranks  ''      1    1    0         100       700     600          600                100       100             1
            ranks  ''      1    1    1         1100      1700    600          1200               400       500             3
            ranks  ''      1    1    2         2100      2700    600          1800               400       900             5
            ranks  ''      1    1    3         3100      3700    600          2400               400       1300            7
            ranks  ''      2    1    0         107       707     600          600                107       107             2
            ranks  ''      2    1    1         1107      1707    600          1200               400       507             4
            ranks  ''      2    1    2         2107      2707    600          1800               400       907             6
            ranks  ''      2    1    3         3107      3707    600          2400               400       1307            8
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
        "of all ranges like a pattern, in one order; the exact name leaves them out",
        traces={"a": Recording().range("step 1", 0, 10).range("step 2", 15, 20)},
        params={"range": "step ?"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      1    1    0         0         10      10           10                 0         0               1
            a      ''      1    1    1         15        20      5            15                 5         5               2
            """
        ),
    ),
    Case(
        "processes of one pid follow each other, each with its own instances",
        traces={
            "a": Recording()
            .range("step", 10, 20)
            .range("step", 50, 90)
            .range("step", 11, 13, pid=TWIN)
            .range("step", 51, 61, pid=TWIN)
        },
        params={"range": "step"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      1    1    0         10        20      10           10                 10        10              1
            a      ''      1    1    1         50        90      40           50                 30        40              2
            a      ''      1    1    0         11        13      2            2                  11        11              3
            a      ''      1    1    1         51        61      10           12                 38        49              4
            """
        ),
    ),
    Case(
        "of all ranges, those without a text, too",
        traces={"n": Recording().range(None, 0, 10).range("step", 15, 20)},
        params={"range": "*"},
        expected=across(
            """
            trace  domain  pid  tid  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            n      ''      1    1    0         0         10      10           10                 0         0               1
            n      ''      1    1    1         15        20      5            15                 5         5               2
            """
        ),
    ),
]
