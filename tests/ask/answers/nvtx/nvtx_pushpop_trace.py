"""Cases of nvtx_pushpop_trace: every push/pop range, and how much of it passed in its children."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording

TWO = {
    "a": Recording()
    .range("step", 0, 100)
    .range("layer", 10, 30)
    .range("cub", 15, 20, domain="lib")
    .range("layer", 40, 45)
    .range("request", 41, 44, style="startend")
    .mark("here", 50)
    .range("step", 5, 25, pid=2, tid=3)
    .range("open", 200, None)
    .range("in open", 210, 220),
    "b": Recording().range("step", 7, 9),
}

CASES = [
    Case(
        "children of every domain count for the range directly around them; those of other threads do not",
        traces=TWO,
        expected=down(
            """
            trace        a        a     a           a               a           a             b
            start_ns     0        5     10          15              40          210           7
            end_ns       100      25    30          20              45          220           9
            duration_ns  100      20    20          5               5           10            2
            children_ns  20 + 5   0     5           0               0           0             0
            own_ns       75       20    15          5               5           10            2
            domain       ''       ''    ''          lib             ''          ''            ''
            range        step     step  layer       cub             layer       in open       step
            pid          1        2     1           1               1           1             1
            tid          1        3     1           1               1           1             1
            depth        0        0     1           2               1           1             0
            children     2        0     1           0               0           0             0
            range_id     1        7     2           3               4           9             1
            parent_id    NULL     NULL  1           2               1           8             NULL
            range_stack  :1       :7    :1:2        :1:2:3          :1:4        :8:9          :1
            path         step     step  step/layer  step/layer/cub  step/layer  open/in open  step
            """
        ),
    ),
    Case(
        "ranges whose text is like the pattern, of one trace",
        traces=TWO,
        params={"trace": "a", "range": "%u%"},
        expected=down(
            """
            trace        a
            start_ns     15
            end_ns       20
            duration_ns  5
            children_ns  0
            own_ns       5
            domain       lib
            range        cub
            pid          1
            tid          1
            depth        2
            children     0
            range_id     3
            parent_id    2
            range_stack  :1:2:3
            path         step/layer/cub
            """
        ),
    ),
]
