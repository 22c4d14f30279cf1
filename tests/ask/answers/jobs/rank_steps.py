"""Cases of rank_steps: jobs of two ranks, see made.jobs."""

from __future__ import annotations

from made.case import Case, down
from made.jobs import BESIDE, GRID, LATER, TRAIN

CASES = [
    Case(
        "all ranks in each step",
        traces=TRAIN,
        expected=down(
            """
            job            train   train   train          train          train   train   train   train
            step           0       0       1              1              2       2       3       3
            rank           0       1       0              1              0       1       0       1
            trace          a       b       a              b              a       b       a       b
            pid            1       1       1              1              1       1       1       1
            gpu_id         0       0       0              0              0       0       0       0
            range          step 0  step 0  step 1         step 1         step 2  step 2  step 3  step 3
            start_ns       2000    2000    2500           2500           3100    3100    3600    3600
            span_ns        500     500     600            600            500     500     400     400
            exposed_ns     300     100     400            260            200     250     300     200
            overlapped_ns  0       0       0              0              0       0       0       0
            compute_ns     100     100     100            220            100     90      100     190
            memory_ns      0       0       0              0              10      0       0       0
            idle_ns        100     300     100            120            190     160     0       10
            waited_ns      200     0       150            0              0       50      100     0
            exposed_pct    60      20      100 * 400/600  100 * 260/600  40      50      75      50
            """
        ),
    ),
    Case(
        "a recording that begins with the second step",
        traces=LATER,
        params={"step": "step*"},
        expected=down(
            """
            job            run.0    run.0    run.0    run.0          run.0
            step           0        1        1        2              2
            rank           0        0        1        0              1
            trace          run.0    run.0    run.1    run.0          run.1
            pid            1        1        1        1              1
            gpu_id         0        0        0        0              0
            range          step 0   step 1   step 1   step 2         step 2
            start_ns       1000000  2000000  2000000  3000000        3000000
            span_ns        1000000  1000000  1000000  900            900
            exposed_ns     400      400      400      400            200
            overlapped_ns  0        0        0        0              0
            compute_ns     500      500      500      500            500
            memory_ns      0        0        0        0              0
            idle_ns        999100   999100   999100   0              200
            waited_ns      0        0        0        200            0
            exposed_pct    0.04     0.04     0.04     100 * 400/900  100 * 200/900
            """
        ),
    ),
    Case(
        "what is hidden beside computation; a rank alone waits for nobody",
        traces=BESIDE,
        expected=down(
            """
            job            alone   alone
            step           0       1
            rank           0       0
            trace          alone   alone
            pid            1       1
            gpu_id         0       0
            range          step 0  step 1
            start_ns       500     600
            span_ns        100     10
            exposed_ns     30      0
            overlapped_ns  20      0
            compute_ns     20      10
            memory_ns      0       0
            idle_ns        30      0
            waited_ns      0       0
            exposed_pct    30      0
            """
        ),
    ),
    Case(
        "ranks that share no collective with the first one, by way of one that both share some with",
        traces=GRID,
        params={"to": 3_000_000},
        expected=down(
            """
            job            grid     grid     grid     grid     grid     grid
            step           0        0        1        1        1        1
            rank           0        1        0        1        2        3
            trace          r0       r1       r0       r1       r2       r3
            pid            1        1        1        1        1        1
            gpu_id         0        0        0        0        0        0
            range          step 0   step 0   step 1   step 1   step 1   step 1
            start_ns       1000000  1000000  2000000  2000000  2000000  2000000
            span_ns        1000000  1000000  1000000  1000000  1000000  1000000
            exposed_ns     1500     1470     1500     1470     1440     1410
            overlapped_ns  0        0        0        0        0        0
            compute_ns     500      500      500      500      500      500
            memory_ns      0        0        0        0        0        0
            idle_ns        998000   998030   998000   998030   998060   998090
            waited_ns      20       0        40       20       20       0
            exposed_pct    0.15     0.147    0.15     0.147    0.144    0.141
            """
        ),
    ),
]
