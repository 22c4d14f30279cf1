"""Cases of slowest_steps: what ran in the steps that lasted longest, beside the median step."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

MAIN = "main@/bin/app"
LOOP = "&lt;module&gt;@/x/train.py:30"

# Steps of 10, 10, 30 and 12 ns; in the third one load ran, and work twice; a step of another thread.
STEPPED = {
    "a": Recording()
    .range("step 0", 0, 10)
    .range("step 1", 20, 30)
    .range("step 2", 40, 70)
    .range("step 3", 80, 92)
    .range("step 4", 95, 96, tid=2)
    .range("step 5", 97, 98, tid=2)
    .cpu_sample(5, "work@/bin/app", MAIN)
    .cpu_sample(25, "work@/bin/app", MAIN)
    .cpu_sample(42, "work@/bin/app", MAIN)
    .cpu_sample(45, "load@/bin/app", "work@/bin/app", MAIN)
    .cpu_sample(50, "load@/bin/app", MAIN)
    .cpu_sample(55, "work@/bin/app", "work@/bin/app", MAIN)
    # At its end a step is over, and another thread's is that of the process alone.
    .cpu_sample(70, MAIN)
    .cpu_sample(60, "help@/bin/app", tid=2)
    .python_sample(60, "read@/x/data.py:3", LOOP)
}
HEAD = (
    "trace  pid  tid  step  range  start_ns  duration_ns  median_ns  slower_pct  kind  step_samples  frame"
    "  self_samples  median_self_samples  total_samples  median_total_samples  total_pct"
)

CASES = [
    Case(
        "functions that ran more than in the median step come first; each sample counts a function once",
        traces=STEPPED,
        params={"steps": 1},
        expected=across(
            f"""
            {HEAD}
            # main: 4, and of all steps 1, 1, 4 and 0; work: itself 2 of 1, 1, 2, 0.
            a  1  1  2  step 2  40  30  11  1900/11  CPU samples     4  load              2  0  2  0  50
            a  1  1  2  step 2  40  30  11  1900/11  CPU samples     4  work              2  1  3  1  75
            a  1  1  2  step 2  40  30  11  1900/11  CPU samples     4  main              0  0  4  1  100
            a  1  1  2  step 2  40  30  11  1900/11  Python samples  1  read (data.py)    1  0  1  0  100
            a  1  1  2  step 2  40  30  11  1900/11  Python samples  1  <module> (train.py)  0  0  1  0  100
            """
        ),
    ),
    Case(
        "of the process, one function of each step; a step without samples is there, too",
        traces=STEPPED,
        params={"steps": 2, "by": "process", "samples": "cpu", "limit": 1},
        expected=across(
            f"""
            {HEAD}
            a  1  1  2  step 2  40  30  11  1900/11  CPU samples  5  load  2     0     2     0     40
            a  1  1  3  step 3  80  12  11  100/11   NULL         0  NULL  NULL  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "of a trace without samples of the kind it is not known how many a step had",
        traces={
            "a": Recording()
            .range("step 0", 0, 10)
            .range("step 1", 20, 30)
            .cpu_sample(5, "work@/bin/app", MAIN),
            "b": Recording()
            .range("step 0", 0, 10)
            .range("step 1", 20, 32)
            .python_sample(5, "read@/x/data.py:3"),
        },
        params={"steps": 1, "samples": "cpu", "limit": 1},
        expected=across(
            f"""
            {HEAD}
            # work: itself in one of both steps, which last 10 and 10, and 10 and 12 ns.
            a  1  1  0  step 0  0   10  10  0       CPU samples  1     work  1     0.5   1     0.5   100
            b  1  1  1  step 1  20  12  11  100/11  NULL        NULL  NULL  NULL  NULL  NULL  NULL  NULL
            """
        ),
    ),
]
