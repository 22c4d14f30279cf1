"""Cases of effects: what is matched, how time is cut into blocks, and how sure a change is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel

if TYPE_CHECKING:
    from made.nsys import Work

LAUNCH, COPY = "cudaLaunchKernel_v7000", "cudaMemcpyAsync_v3020"


def launches(name: str, *durations: int) -> list[Work]:
    """A kernel again and again, each time so long."""
    return [kernel(name, 100 * n, 100 * n + ns) for n, ns in enumerate(durations)]


def steps(ns: int) -> Recording:
    """Three steps, each of a product and a copy of 5 ns, then a whole graph."""
    made = Recording()
    for start in (0, 100, 200):
        made = (
            made.range("step", start, start + 15)
            .call(LAUNCH, start + 1, start + 4, kernel("gemm", start + 20, start + 20 + ns))
            .call(COPY, start + 5, start + 9, copy("Host-to-Device", start + 40, start + 45, 64))
        )
    return made.call("cudaGraphLaunch_v10000", 290, 295, graph(300, 308))


def repeating(times: int) -> list[Work]:
    """Two kernels of 10 ns again and again, from 1,000 ns on."""
    return [
        work
        for at in range(1000, 1000 + 100 * times, 100)
        for work in (kernel("p", at, at + 10), kernel("q", at + 20, at + 30))
    ]


CASES = [
    Case(
        "launches are matched by name and number, others counted apart; three blocks make an interval",
        traces={
            "a": Recording().work(*launches("x", 10, 10, 10), kernel("y", 400, 405)),
            "b": Recording().work(*launches("x", 11, 12, 10, 7), kernel("z", 400, 408)),
        },
        params={"baseline": "a", "variant": "b", "topic": "kernel"},
        expected=down(
            """
            topic                kernel                           kernel  kernel
            path                 NULL                             NULL    NULL
            name                 x                                z       y
            measure              gpu_ns                           gpu_ns  gpu_ns
            matched              3                                0       0
            baseline_only        0                                0       1
            variant_only         1                                1       0
            baseline_ns          30                               NULL    NULL
            variant_ns           33                               NULL    NULL
            baseline_only_ns     0                                0       5
            variant_only_ns      7                                8       0
            baseline_outside_ns  NULL  NULL  NULL
            variant_outside_ns   NULL  NULL  NULL
            share_pct            3000/35                          0       500/35
            effect_pct           10                               NULL    NULL    # of 10, 20 and 0
            low_pct              10 - 4.3026527299 * 10/sqrt(3)   NULL    NULL
            high_pct             10 + 4.3026527299 * 10/sqrt(3)   NULL    NULL
            method               blocks                           blocks  blocks
            blocks               3                                0       0
            baseline_runs        1                                1       1
            variant_runs         1                                1       1
            block_spread_pct     10                               NULL    NULL
            baseline_spread_pct  NULL                             NULL    NULL
            variant_spread_pct   NULL                             NULL    NULL
            """
        ),
    ),
    Case(
        "of ten blocks the mean leaves out one at each end, and the spread takes them for their neighbours",
        traces={
            "a": Recording().work(*launches("x", *[10] * 10)),
            "b": Recording().work(*launches("x", 50, 20, 20, 22, 22, 15, 20, 22, 22, 20)),
        },
        params={"baseline": "a", "variant": "b", "topic": "kernel"},
        # 50, 4 times 100, 4 times 120, 400: the eight between make 110; 5 times 100 and 5 times 120 spread by 10.54.
        expected=down(
            """
            topic                kernel
            path                 NULL
            name                 x
            measure              gpu_ns
            matched              10
            baseline_only        0
            variant_only         0
            baseline_ns          100
            variant_ns           233
            baseline_only_ns     0
            variant_only_ns      0
            baseline_outside_ns  NULL
            variant_outside_ns   NULL
            share_pct            100
            effect_pct           110
            low_pct              110 - 2.3646242516 * sqrt(1000/9) * sqrt(10) / 8
            high_pct             110 + 2.3646242516 * sqrt(1000/9) * sqrt(10) / 8
            method               blocks
            blocks               10
            baseline_runs        1
            variant_runs         1
            block_spread_pct     sqrt(83210/9)
            baseline_spread_pct  NULL
            variant_spread_pct   NULL
            """
        ),
    ),
    Case(
        "of forty launches two are a block, those that follow each other; a long one is a block alone",
        traces={
            "a": Recording().work(*launches("x", *[10] * 40), *launches("y", 10, 10, 80)),
            "b": Recording().work(*launches("x", *[10, 30] * 20), *launches("y", 10, 30, 80)),
        },
        params={"baseline": "a", "variant": "b", "topic": "kernel"},
        # y: 5, 15 and 60 of 100 are in blocks 1, 3 and 12 of 20.
        expected=down(
            """
            topic                kernel  kernel
            path                 NULL    NULL
            name                 x       y
            measure              gpu_ns  gpu_ns
            matched              40      3
            baseline_only        0       0
            variant_only         0       0
            baseline_ns          400     100
            variant_ns           800     120
            baseline_only_ns     0       0
            variant_only_ns      0       0
            baseline_outside_ns  NULL  NULL
            variant_outside_ns   NULL  NULL
            share_pct            80      20
            effect_pct           100     200/3
            # 200/3 - 4.3026527299 * 200/3 would be less than no time.
            low_pct              100     -100
            high_pct             100     200/3 + 4.3026527299 * 200/3
            method               blocks  blocks
            blocks               20      3
            baseline_runs        1       1
            variant_runs         1       1
            block_spread_pct     0       sqrt(40000/3)
            baseline_spread_pct  NULL    NULL
            variant_spread_pct   NULL    NULL
            """
        ),
    ),
    Case(
        "of two launches nobody can tell how they spread; work that takes no time has no effect",
        traces={
            "a": Recording().work(*launches("x", 10, 10), *launches("y", 0, 0, 0)),
            "b": Recording().work(*launches("x", 11, 13), *launches("y", 5, 5, 5)),
        },
        params={"baseline": "a", "variant": "b", "topic": "kernel"},
        expected=down(
            """
            topic                kernel   kernel
            path                 NULL     NULL
            name                 x        y
            measure              gpu_ns   gpu_ns
            matched              2        3
            baseline_only        0        0
            variant_only         0        0
            baseline_ns          20       0
            variant_ns           24       15
            baseline_only_ns     0        0
            variant_only_ns      0        0
            baseline_outside_ns  NULL  NULL
            variant_outside_ns   NULL  NULL
            share_pct            100      0
            effect_pct           20       NULL
            low_pct              NULL     NULL
            high_pct             NULL     NULL
            method               blocks   blocks
            blocks               2        0
            baseline_runs        1        1
            variant_runs         1        1
            block_spread_pct     sqrt(2) * 10  NULL
            baseline_spread_pct  NULL     NULL
            variant_spread_pct   NULL     NULL
            """
        ),
    ),
    Case(
        "in total, by step, range, kind of kernel, kernel and copy: graphs are in the total, and steps have a pace",
        traces={"a": steps(10), "b": steps(12)},
        params={"baseline": "a", "variant": "b"},
        # The total: 10, 5, 10, 5, 10, 5 and 8 of 53 are in blocks of their own: thrice 20 %, four times 0.
        expected=down(
            """
            topic                trace   step     step         range        category  kernel  copy
            path                 NULL    NULL     NULL         step         NULL      NULL    NULL
            name                 NULL    NULL     NULL         ''           gemm      gemm    memcpy Host-to-Device
            measure              gpu_ns  pace_ns  gpu_busy_ns  gpu_busy_ns  gpu_ns    gpu_ns  gpu_ns
            matched              7       2        3            3            3         3       3
            baseline_only        0       0        0            0            0         0       0
            variant_only         0       0        0            0            0         0       0
            baseline_ns          53      200      45           45           30        30      15
            variant_ns           59      200      51           51           36        36      15
            baseline_only_ns     0       0        0            0            0         0       0
            variant_only_ns      0       0        0            0            0         0       0
            baseline_outside_ns  0  NULL  NULL  NULL  NULL  NULL  NULL
            variant_outside_ns   0  NULL  NULL  NULL  NULL  NULL  NULL
            share_pct            100     20000/53  4500/53     4500/53      3000/53   3000/53  1500/53
            effect_pct           60/7    0        40/3         40/3         20        20      0
            low_pct              60/7 - 2.4469118511 * sqrt(800)/7  NULL  40/3  40/3  20  20  0
            high_pct             60/7 + 2.4469118511 * sqrt(800)/7  NULL  40/3  40/3  20  20  0
            method               blocks  blocks   blocks       blocks       blocks    blocks  blocks
            blocks               7       2        3            3            3         3       3
            baseline_runs        1       1        1            1            1         1       1
            variant_runs         1       1        1            1            1         1       1
            block_spread_pct     sqrt(800/7)  0   0            0            0         0       0
            baseline_spread_pct  NULL    NULL     NULL         NULL         NULL      NULL    NULL
            variant_spread_pct   NULL    NULL     NULL         NULL         NULL      NULL    NULL
            """
        ),
    ),
    Case(
        "without ranges that repeat, steps are what repeats in the order of the kernels",
        traces={
            "a": Recording().work(
                *(
                    work
                    for n in range(4)
                    for work in (kernel("p", 100 * n, 100 * n + 10), kernel("q", 100 * n + 20, 100 * n + 30))
                )
            ),
            "b": Recording().work(
                *(
                    work
                    for n in range(4)
                    for work in (kernel("p", 150 * n, 150 * n + 10), kernel("q", 150 * n + 20, 150 * n + 35))
                )
            ),
        },
        params={"baseline": "a", "variant": "b", "topic": "step"},
        expected=down(
            """
            topic                step     step
            path                 NULL     NULL
            name                 NULL     NULL
            measure              pace_ns  gpu_busy_ns
            matched              3        4
            baseline_only        0        0
            variant_only         0        0
            baseline_ns          300      80
            variant_ns           450      100
            baseline_only_ns     0        0
            variant_only_ns      0        0
            baseline_outside_ns  NULL  NULL
            variant_outside_ns   NULL  NULL
            share_pct            375      100
            effect_pct           50       25
            low_pct              50       25
            high_pct             50       25
            method               blocks   blocks
            blocks               3        4
            baseline_runs        1        1
            variant_runs         1        1
            block_spread_pct     0        0
            baseline_spread_pct  NULL     NULL
            variant_spread_pct   NULL     NULL
            """
        ),
    ),
    Case(
        "several runs on both sides: the spread between them, by Welch; what one run lacks is in none of it",
        traces={
            "a1": Recording().work(*launches("x", 10, 8)),
            "a2": Recording().work(*launches("x", 12)),
            "b1": Recording().work(*launches("x", 21)),
            "b2": Recording().work(*launches("x", 23)),
        },
        params={"baseline": ["a1", "a2"], "variant": ["b1", "b2"], "topic": "kernel"},
        # Of 11: 10 and 12, 21 and 23 spread alike; 2 degrees of freedom.
        expected=down(
            """
            topic                kernel
            path                 NULL
            name                 x
            measure              gpu_ns
            matched              1
            baseline_only        1
            variant_only         0
            baseline_ns          11
            variant_ns           22
            baseline_only_ns     4
            variant_only_ns      0
            baseline_outside_ns  NULL
            variant_outside_ns   NULL
            share_pct            100
            effect_pct           100
            low_pct              100 - 4.3026527299 * 100 * sqrt(2) / 11
            high_pct             100 + 4.3026527299 * 100 * sqrt(2) / 11
            method               welch
            blocks               1
            baseline_runs        2
            variant_runs         2
            block_spread_pct     NULL
            baseline_spread_pct  100 * sqrt(2) / 11
            variant_spread_pct   100 * sqrt(2) / 11
            """
        ),
    ),
    Case(
        "one run beside three comes from runs that spread as these, by Student",
        traces={
            "a1": Recording().work(*launches("x", 10)),
            "a2": Recording().work(*launches("x", 12)),
            "a3": Recording().work(*launches("x", 14)),
            "b": Recording().work(*launches("x", 18)),
        },
        params={"baseline": ["a1", "a2", "a3"], "variant": ["b"], "topic": "kernel"},
        # They spread by 2 of 12.
        expected=down(
            """
            topic                kernel
            path                 NULL
            name                 x
            measure              gpu_ns
            matched              1
            baseline_only        0
            variant_only         0
            baseline_ns          12
            variant_ns           18
            baseline_only_ns     0
            variant_only_ns      0
            baseline_outside_ns  NULL
            variant_outside_ns   NULL
            share_pct            100
            effect_pct           50
            low_pct              50 - 4.3026527299 * sqrt(4/3) * 100/6
            high_pct             50 + 4.3026527299 * sqrt(4/3) * 100/6
            method               student
            blocks               1
            baseline_runs        3
            variant_runs         1
            block_spread_pct     NULL
            baseline_spread_pct  100/6
            variant_spread_pct   NULL
            """
        ),
    ),
    Case(
        "processes are matched in the order of their pids, copies and ranges too",
        traces={
            "a": Recording()
            .range("r", 0, 30, pid=5)
            .call(COPY, 1, 4, copy("Host-to-Device", 10, 20, 64), pid=5)
            .range("r", 0, 30, pid=9)
            .call(COPY, 1, 4, copy("Host-to-Device", 40, 70, 64), pid=9),
            "b": Recording()
            .range("r", 0, 30, pid=3)
            .call(COPY, 1, 4, copy("Host-to-Device", 10, 30, 64), pid=3)
            .range("r", 0, 30, pid=4)
            .call(COPY, 1, 4, copy("Host-to-Device", 40, 70, 64), pid=4),
        },
        params={"baseline": "a", "variant": "b", "topic": "*"},
        # 10 of 40 doubled, 30 of 40 the same: two blocks. No range repeats in a process.
        expected=down(
            """
            topic                trace    range        copy
            path                 NULL     r            NULL
            name                 NULL     ''           memcpy Host-to-Device
            measure              gpu_ns   gpu_busy_ns  gpu_ns
            matched              2        2            2
            baseline_only        0        0            0
            variant_only         0        0            0
            baseline_ns          40       40           40
            variant_ns           50       50           50
            baseline_only_ns     0        0            0
            variant_only_ns      0        0            0
            baseline_outside_ns  0  NULL  NULL
            variant_outside_ns   0  NULL  NULL
            share_pct            100      100          100
            effect_pct           50       50           50
            low_pct              NULL     NULL         NULL
            high_pct             NULL     NULL         NULL
            method               blocks   blocks       blocks
            blocks               2        2            2
            baseline_runs        1        1            1
            variant_runs         1        1            1
            block_spread_pct     sqrt(5000)  sqrt(5000)  sqrt(5000)
            baseline_spread_pct  NULL     NULL         NULL
            variant_spread_pct   NULL     NULL         NULL
            """
        ),
    ),
    Case(
        "of what has no partner in the total, what lies in no step is told: no thread of a step launched it",
        traces={
            "a": steps(10).call(LAUNCH, 98, 99, kernel("before", 600, 605)),
            "b": steps(10)
            .call(LAUNCH, 105, 107, kernel("inside", 700, 720))
            .call(LAUNCH, 105, 107, kernel("beside", 800, 801), tid=9)
            .call(COPY, 250, 253, copy("Device-to-Host", 900, 903, 64)),
        },
        params={"baseline": "a", "variant": "b", "topic": "trace"},
        expected=down(
            """
            topic                trace
            path                 NULL
            name                 NULL
            measure              gpu_ns
            matched              7
            baseline_only        1
            variant_only         3
            baseline_ns          53
            variant_ns           53
            baseline_only_ns     5
            variant_only_ns      24
            baseline_outside_ns  5
            variant_outside_ns   4
            share_pct            100
            effect_pct           0
            low_pct              0
            high_pct             0
            method               blocks
            blocks               7
            baseline_runs        1
            variant_runs         1
            block_spread_pct     0
            baseline_spread_pct  NULL
            variant_spread_pct   NULL
            """
        ),
    ),
    Case(
        "where kernels tell the steps, what begins before the first or after the last kernel of one is in none",
        traces={
            "a": Recording().work(*repeating(4)),
            "b": Recording().work(
                kernel("first", 0, 7),
                copy("Host-to-Device", 1012, 1015, 64),
                *repeating(4),
                kernel("last", 1400, 1411),
            ),
        },
        params={"baseline": ["a"], "variant": ["b"], "topic": "trace"},
        expected=down(
            """
            topic                trace
            path                 NULL
            name                 NULL
            measure              gpu_ns
            matched              8
            baseline_only        0
            variant_only         3
            baseline_ns          80
            variant_ns           80
            baseline_only_ns     0
            variant_only_ns      21
            baseline_outside_ns  0
            variant_outside_ns   18
            share_pct            100
            effect_pct           0
            low_pct              0
            high_pct             0
            method               blocks
            blocks               8
            baseline_runs        1
            variant_runs         1
            block_spread_pct     0
            baseline_spread_pct  NULL
            variant_spread_pct   NULL
            """
        ),
    ),
    Case(
        "another run may have had other GPUs: they are matched in the order of their ordinals",
        traces={
            "a": Recording().work(kernel("x", 0, 10, device=1), kernel("x", 0, 20, device=3)),
            "b": Recording().work(kernel("x", 0, 40, device=4), kernel("x", 0, 10, device=0)),
        },
        params={"baseline": "a", "variant": "b", "topic": "kernel"},
        # 10 to 10, and 20 to 40.
        expected=down(
            """
            topic                kernel
            path                 NULL
            name                 x
            measure              gpu_ns
            matched              2
            baseline_only        0
            variant_only         0
            baseline_ns          30
            variant_ns           50
            baseline_only_ns     0
            variant_only_ns      0
            baseline_outside_ns  NULL
            variant_outside_ns   NULL
            share_pct            100
            effect_pct           50
            low_pct              NULL
            high_pct             NULL
            method               blocks
            blocks               2
            baseline_runs        1
            variant_runs         1
            block_spread_pct     sqrt(5000)
            baseline_spread_pct  NULL
            variant_spread_pct   NULL
            """
        ),
    ),
]
