from __future__ import annotations

from made.case import Case, across
from made.nsys import TWIN, Recording

MAIN = "main@/bin/app"

SAMPLED = {
    "a": Recording()
    .cpu_sample(10, "work@/bin/app", MAIN)
    .cpu_sample(20, "work@/bin/app", MAIN)
    .cpu_sample(30, "@/lib/libm.so.6", "work@/bin/app", MAIN)
    .cpu_sample(40, MAIN)
    .cpu_sample(50, "@[kernel]", tid=2),
    "b": Recording().cpu_sample(10),
}

PYTHON = {
    "a": Recording()
    .process(1, "/usr/bin/python3")
    .thread(2, "loader")
    .python_sample(10, "step@/x/train.py:7", "&lt;module&gt;@/x/train.py:30")
    .python_sample(20, "step@/x/train.py:8", "&lt;module&gt;@/x/train.py:30", state="Blocking Wait")
    .python_sample(30, "load@/x/data.py:3", tid=2)
    .range("step", 15, 25),
}

CASES = [
    Case(
        "a place has the samples of all that it called; of what has no symbol the library is told",
        traces=SAMPLED,
        expected=across(
            """
            trace  frame        stack_level  self_samples  total_samples  self_pct  total_pct  first_sample  path
            a      [[kernel]]   1      1             1              20        20         0             [[kernel]]
            a      main         1      1             4              20        80         1             main
            # The one that it was itself comes first.
            a      work         2      2             3              40        60         2             main;work
            a      [libm.so.6]  3      1             1              20        20         4             main;work;[libm.so.6]
            b      [no stack]   1      1             1              100       100        0             [no stack]
            """
        ),
    ),
    Case(
        "lines of one function are one place; threads by name or number, each with a tree",
        traces=PYTHON,
        params={"samples": "python", "by": "thread"},
        expected=across(
            """
            trace  frame                         stack_level  self_samples  total_samples  self_pct  total_pct  first_sample  path
            a      loader thread 2 of process 1  1      0             1              0         100/3      0             loader thread 2 of process 1
            a      load (data.py)                2      1             1              100/3     100/3      0             loader thread 2 of process 1;load (data.py)
            a      thread 1 of process 1         1      0             2              0         200/3      1             thread 1 of process 1
            a      <module> (train.py)           2      0             2              0         200/3      1             thread 1 of process 1;<module> (train.py)
            a      step (train.py)               3      2             2              200/3     200/3      1             thread 1 of process 1;<module> (train.py);step (train.py)
            """
        ),
    ),
    Case(
        "of one thread, within a range, by process, and what has enough of the samples",
        traces=PYTHON,
        params={"samples": "python", "by": "process", "thread": "1", "within": "step", "min_pct": 100},
        expected=across(
            """
            trace  frame                stack_level  self_samples  total_samples  self_pct  total_pct  first_sample  path
            a      python3 process 1    1      0             1              0         100        0             python3 process 1
            a      <module> (train.py)  2      0             1              0         100        0             python3 process 1;<module> (train.py)
            a      step (train.py)      3      1             1              100       100        0             python3 process 1;<module> (train.py);step (train.py)
            """
        ),
    ),
    Case(
        "threads of processes with one pid and one name each have a tree",
        traces={
            "a": Recording()
            .process(1, "/bin/app")
            .process(TWIN, "/bin/app")
            .cpu_sample(10, MAIN)
            .cpu_sample(20, MAIN, pid=TWIN)
        },
        params={"by": "thread"},
        expected=across(
            """
            trace  frame                                      stack_level  self_samples  total_samples  self_pct  total_pct  first_sample  path
            a      thread 1 of process 1 (16777216)           1            0             1              0         50         0             thread 1 of process 1 (16777216)
            a      main                                       2            1             1              50        50         0             thread 1 of process 1 (16777216);main
            a      thread 1 of process 1 (281474993487872)  1            0             1              0         50         1             thread 1 of process 1 (281474993487872)
            a      main                                       2            1             1              50        50         1             thread 1 of process 1 (281474993487872);main
            """
        ),
    ),
]
