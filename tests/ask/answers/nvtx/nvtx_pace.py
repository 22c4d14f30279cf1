"""Cases of nvtx_pace: one instance of a range after the other, on the CPU."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

TWO = {
    "a": Recording()
    .range("step", 10, 20)
    .range("step", 50, 90)
    # Overlaps the one before, as it is of another process.
    .range("step", 80, 95, pid=2)
    .range("step", 30, 40, domain="lib")
    .range("step", 100, None)
    .mark("step", 5)
    .range("steps", 0, 5),
    "b": Recording().range("step", 7, 8),
}

CASES = [
    Case(
        "the first delta counts from the start of the trace; overlap is a negative one; domains are apart",
        traces=TWO,
        params={"range": "step"},
        expected=across(
            """
            trace  domain  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      0         10        20      10           10                 10        10              1
            a      ''      1         50        90      40           50                 30        40              2
            a      ''      2         80        95      15           65                 -10       30              3
            a      lib     0         30        40      10           10                 30        30              4
            b      ''      0         7         8       1            1                  7         7               1
            """
        ),
    ),
    Case(
        "of one trace",
        traces=TWO,
        params={"range": "step", "trace": "b"},
        expected=across(
            """
            trace  domain  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            b      ''      0         7         8       1            1                  7         7               1
            """
        ),
    ),
    Case(
        "of all ranges like a pattern, in one order; the exact name leaves them out",
        traces={"a": Recording().range("step 1", 0, 10).range("step 2", 15, 20)},
        params={"range": "step ?"},
        expected=across(
            """
            trace  domain  instance  start_ns  end_ns  duration_ns  accum_duration_ns  delta_ns  accum_delta_ns  range_id
            a      ''      0         0         10      10           10                 0         0               1
            a      ''      1         15        20      5            15                 5         5               2
            """
        ),
    ),
]
