"""Cases of nwor_delta: pairs of ranges, totals, flushes, what is left out, and why a number is not known."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.runs import Runs


def counted(
    write: float | None, read: float | None, l2_write: float, l2_read: float, ns: float, pct: float
) -> dict[str, float | None]:
    """Counters of a kernel; `pct` is the DRAM throughput of its time."""
    return {
        "dram_write": write,
        "dram_read": read,
        "l2_write": l2_write,
        "l2_read": l2_read,
        "ns": ns,
        "dram_pct": pct,
    }


CASES = [
    Case(
        "a pair and the ranges inside it, what a flush writes back, the rest by its path, and all together; per token "
        "by each trace's own",
        traces={
            # 5 verifications of 4 drafts: a bonus token each, 25 rows of 10 bytes; after, 5 + 5 rows.
            "before": Profile(
                tags={
                    "spec_num_accepted_tokens": "10",
                    "spec_num_draft_tokens": "20",
                    "drafts": "4",
                    "kv_token_bytes": "10",
                }
            )
            .kernel("write", "step/kv_write", **counted(100, 10, 4, 1, 10, 50))
            .kernel("write", "step/kv_write/inner", **counted(50, 5, 2, 1, 5, 20))
            .kernel("fill", "step/flush/l2", **counted(900, 0, 30, 0, 20, 80))
            .kernel("mask", "step/mask", **counted(1, 1, 1, 1, 2, 25)),
            "after": Profile(
                tags={"spec_num_accepted_tokens": "5", "spec_num_draft_tokens": "20", "spec_num_drafts": "5"}
            )
            .kernel("commit", "step/commit", **counted(60, 10, 8, 1, 6, 10))
            .kernel("fill", "step/flush/l2", **counted(940, 0, 30, 0, 20, 80))
            .kernel("mask", "step/mask", **counted(1, None, 1, 1, 2, 25)),
        },
        params={
            "baseline": "before",
            "variant": "after",
            "pair": {"step/kv_write": "step/commit"},
            "flush": "step/flush",
        },
        expected=across(
            """
            scope       path                         measure                     baseline  variant  delta  delta_pct     rows_pct  remark
            with_flush  total and flush              dram_write_bytes            151       101      -50    -5000/151     -20       ''  # 40 more are written back
            pair        step/kv_write = step/commit  dram_write_bytes            150       60       -90    -60           -36       ''  # 90 of 250
            pair        step/kv_write = step/commit  dram_read_bytes             15        10       -5     -100/3        NULL      ''
            pair        step/kv_write = step/commit  l2_write_sectors            6         8        2      100/3         NULL      ''
            pair        step/kv_write = step/commit  l2_read_sectors             2         1        -1     -50           NULL      ''
            pair        step/kv_write = step/commit  dram_throughput_pct         40        10       -30    -75           NULL      ''  # 5 + 1 of 15 ns
            pair        step/kv_write = step/commit  gpu_ns                      15        6        -9     -60           NULL      ''
            pair        step/kv_write = step/commit  kernels                     2         1        -1     -50           NULL      ''
            pair        step/kv_write = step/commit  dram_write_bytes_per_token  150/10    60/5     -3     -20           NULL      ''
            pair        step/kv_write = step/commit  dram_read_bytes_per_token   15/10     10/5     0.5    100/3         NULL      ''
            pair        step/kv_write = step/commit  l2_write_sectors_per_token  6/10      8/5      1      500/3         NULL      ''
            pair        step/kv_write = step/commit  l2_read_sectors_per_token   2/10      1/5      0      0             NULL      ''
            total       total                        dram_write_bytes            151       61       -90    -9000/151     -36       ''
            total       total                        dram_read_bytes             16        NULL     NULL   NULL          NULL      not measured for every kernel of after
            total       total                        l2_write_sectors            7         9        2      200/7         NULL      ''
            total       total                        l2_read_sectors             3         2        -1     -100/3        NULL      ''
            total       total                        dram_throughput_pct         650/17    110/8    13.75 - 650/17  1375*17/650 - 100  NULL  ''
            total       total                        gpu_ns                      17        8        -9     -900/17       NULL      ''
            total       total                        kernels                     3         2        -1     -100/3        NULL      ''
            total       total                        dram_write_bytes_per_token  15.1      12.2     -2.9   -290/15.1     NULL      ''
            total       total                        dram_read_bytes_per_token   1.6       NULL     NULL   NULL          NULL      not measured for every kernel of after
            total       total                        l2_write_sectors_per_token  0.7       1.8      1.1    1100/7        NULL      ''
            total       total                        l2_read_sectors_per_token   0.3       0.4      0.1    100/3         NULL      ''
            total       total                        acceptance_pct              50        25       -25    -50           NULL      ''
            total       total                        accepted_tokens             10        5        -5     -50           NULL      ''
            total       total                        kv_row_bytes                250       NULL     NULL   NULL          NULL      bytes per token of after are not known
            total       total                        kv_rows                     25        10       -15    -60           NULL      ''
            total       total                        rejected_pct                50        75       25     50            NULL      ''
            flush       step/flush/l2                dram_write_bytes            900       940      40     400/90        16        ''
            flush       step/flush/l2                dram_read_bytes             0         0        0      NULL          NULL      ''
            flush       step/flush/l2                l2_write_sectors            30        30       0      0             NULL      ''
            flush       step/flush/l2                l2_read_sectors             0         0        0      NULL          NULL      ''
            flush       step/flush/l2                dram_throughput_pct         80        80       0      0             NULL      ''
            flush       step/flush/l2                gpu_ns                      20        20       0      0             NULL      ''
            flush       step/flush/l2                kernels                     1         1        0      0             NULL      ''
            range       step/mask                    dram_write_bytes            1         1        0      0             0         ''
            range       step/mask                    dram_read_bytes             1         NULL     NULL   NULL          NULL      not measured for every kernel of after
            range       step/mask                    l2_write_sectors            1         1        0      0             NULL      ''
            range       step/mask                    l2_read_sectors             1         1        0      0             NULL      ''
            range       step/mask                    dram_throughput_pct         25        25       0      0             NULL      ''
            range       step/mask                    gpu_ns                      2         2        0      0             NULL      ''
            range       step/mask                    kernels                     1         1        0      0             NULL      ''
            range       step/mask                    dram_write_bytes_per_token  0.1       0.2      0.1    100           NULL      ''
            range       step/mask                    dram_read_bytes_per_token   0.1       NULL     NULL   NULL          NULL      not measured for every kernel of after
            range       step/mask                    l2_write_sectors_per_token  0.1       0.2      0.1    100           NULL      ''
            range       step/mask                    l2_read_sectors_per_token   0.1       0.2      0.1    100           NULL      ''
            """
        ),
    ),
    Case(
        "ranges that are left out are in no sum; flushes of unlike work are not compared; every number that is not known "
        "says why",
        traces={
            "a": Profile(tags={"spec_num_accepted_tokens": "0", "spec_num_draft_tokens": "8"})
            .kernel("copy", ns=4, dram_write=3)
            .kernel("setup", "step/set/up", ns=100, dram_write=9000)
            .kernel("fill", "flush", ns=2, dram_write=7),
            "b": Profile().kernel("copy", "step", ns=5, dram_write=8, dram_read=0),
        },
        params={"baseline": "a", "variant": "b", "exclude": ["nothing", "%/set"], "flush": "flush"},
        expected=across(
            """
            scope       path                 measure                     baseline  variant  delta  delta_pct  rows_pct  remark
            with_flush  total and flush      dram_write_bytes            NULL      NULL     NULL   NULL       NULL      1 kernels flush in a; 0 kernels flush in b
            total       total                dram_write_bytes            3         8        5      500/3      NULL      ''
            total       total                dram_read_bytes             NULL      0        NULL   NULL       NULL      not measured for every kernel of a
            total       total                l2_write_sectors            NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; not measured for every kernel of b
            total       total                l2_read_sectors             NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; not measured for every kernel of b
            total       total                dram_throughput_pct         NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; not measured for every kernel of b
            total       total                gpu_ns                      4         5        1      25         NULL      ''
            total       total                kernels                     1         1        0      0          NULL      ''
            total       total                dram_write_bytes_per_token  NULL      NULL     NULL   NULL       NULL      no token was accepted in a; spec_num_accepted_tokens of b is not known
            total       total                dram_read_bytes_per_token   NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; spec_num_accepted_tokens of b is not known
            total       total                l2_write_sectors_per_token  NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; not measured for every kernel of b
            total       total                l2_read_sectors_per_token   NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; not measured for every kernel of b
            total       total                acceptance_pct              0         NULL     NULL   NULL       NULL      spec_num_accepted_tokens and spec_num_draft_tokens of b are not known
            total       total                accepted_tokens             0         NULL     NULL   NULL       NULL      spec_num_accepted_tokens and spec_num_draft_tokens of b are not known
            total       total                kv_row_bytes                NULL      NULL     NULL   NULL       NULL      bytes per token of a are not known; bytes per token of b are not known
            total       total                kv_rows                     NULL      NULL     NULL   NULL       NULL      drafts, accepted or bonus tokens of a are not known; drafts, accepted or bonus tokens of b are not known
            total       total                rejected_pct                100       NULL     NULL   NULL       NULL      spec_num_accepted_tokens and spec_num_draft_tokens of b are not known
            flush       flush                dram_write_bytes            7         NULL     NULL   NULL       NULL      no kernel there in b
            flush       flush                dram_read_bytes             NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            flush       flush                l2_write_sectors            NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            flush       flush                l2_read_sectors             NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            flush       flush                dram_throughput_pct         NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            flush       flush                gpu_ns                      2         NULL     NULL   NULL       NULL      no kernel there in b
            flush       flush                kernels                     1         NULL     NULL   NULL       NULL      no kernel there in b
            range       (outside any range)  dram_write_bytes            3         NULL     NULL   NULL       NULL      no kernel there in b
            range       (outside any range)  dram_read_bytes             NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            range       (outside any range)  l2_write_sectors            NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            range       (outside any range)  l2_read_sectors             NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            range       (outside any range)  dram_throughput_pct         NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            range       (outside any range)  gpu_ns                      4         NULL     NULL   NULL       NULL      no kernel there in b
            range       (outside any range)  kernels                     1         NULL     NULL   NULL       NULL      no kernel there in b
            range       (outside any range)  dram_write_bytes_per_token  NULL      NULL     NULL   NULL       NULL      no token was accepted in a; no kernel there in b
            range       (outside any range)  dram_read_bytes_per_token   NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            range       (outside any range)  l2_write_sectors_per_token  NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            range       (outside any range)  l2_read_sectors_per_token   NULL      NULL     NULL   NULL       NULL      not measured for every kernel of a; no kernel there in b
            range       step                 dram_write_bytes            NULL      8        NULL   NULL       NULL      no kernel there in a
            range       step                 dram_read_bytes             NULL      0        NULL   NULL       NULL      no kernel there in a
            range       step                 l2_write_sectors            NULL      NULL     NULL   NULL       NULL      no kernel there in a; not measured for every kernel of b
            range       step                 l2_read_sectors             NULL      NULL     NULL   NULL       NULL      no kernel there in a; not measured for every kernel of b
            range       step                 dram_throughput_pct         NULL      NULL     NULL   NULL       NULL      no kernel there in a; not measured for every kernel of b
            range       step                 gpu_ns                      NULL      5        NULL   NULL       NULL      no kernel there in a
            range       step                 kernels                     NULL      1        NULL   NULL       NULL      no kernel there in a
            range       step                 dram_write_bytes_per_token  NULL      NULL     NULL   NULL       NULL      no kernel there in a; spec_num_accepted_tokens of b is not known
            range       step                 dram_read_bytes_per_token   NULL      NULL     NULL   NULL       NULL      no kernel there in a; spec_num_accepted_tokens of b is not known
            range       step                 l2_write_sectors_per_token  NULL      NULL     NULL   NULL       NULL      no kernel there in a; not measured for every kernel of b
            range       step                 l2_read_sectors_per_token   NULL      NULL     NULL   NULL       NULL      no kernel there in a; not measured for every kernel of b
            """
        ),
    ),
    Case(
        "runs by their names, without a trace: in total alone; rows as they were staged and committed",
        runs={
            "baseline": Runs(
                {
                    "nwor_mode": "off",
                    "draft_tokens": 4,
                    "dram__bytes_write.sum": 1250,
                    "dram__bytes_read.sum": 5000,
                    "lts__t_sectors_op_write.sum": 452,
                    "dram__throughput.avg.pct_of_peak_sustained_elapsed": 12.5,
                    "spec_num_draft_tokens": 100,
                    "spec_num_accepted_tokens": 90,
                    "nwor_tokens_staged": 0,
                }
            ),
            "modes": Runs(
                {"nwor_mode": "off", "draft_tokens": 4, "dram__bytes_write.sum": 7},
                {
                    "nwor_mode": "stage",
                    "draft_tokens": 4,
                    "dram__bytes_write.sum": 1125,
                    "dram__bytes_read.sum": 5000,
                    "lts__t_sectors_op_write.sum": 407,
                    "dram__throughput.avg.pct_of_peak_sustained_elapsed": 11.8,
                    "spec_num_draft_tokens": 100,
                    "spec_num_accepted_tokens": 90,
                    # 20 drafts were written without staging, and 72 of the others.
                    "nwor_tokens_staged": 80,
                    "nwor_tokens_committed": 72,
                },
            ),
        },
        params={"baseline": "baseline", "variant": "modes:stage", "token_bytes": 8},
        expected=across(
            """
            scope  path   measure                     baseline  variant  delta  delta_pct   rows_pct  remark
            total  total  dram_write_bytes            1250      1125     -125   -10         -12.5     ''  # of 1,000 bytes
            total  total  dram_read_bytes             5000      5000     0      0           NULL      ''
            total  total  l2_write_sectors            452       407      -45    -4500/452   NULL      ''
            total  total  l2_read_sectors             NULL      NULL     NULL   NULL        NULL      not measured in baseline; not measured in modes:stage
            total  total  dram_throughput_pct         12.5      11.8     -0.7   -5.6        NULL      ''
            total  total  gpu_ns                      NULL      NULL     NULL   NULL        NULL      not measured in baseline; not measured in modes:stage
            total  total  kernels                     NULL      NULL     NULL   NULL        NULL      not measured in baseline; not measured in modes:stage
            total  total  dram_write_bytes_per_token  1250/90   1125/90  -125/90  -10       NULL      ''
            total  total  dram_read_bytes_per_token   5000/90   5000/90  0      0           NULL      ''
            total  total  l2_write_sectors_per_token  452/90    407/90   -0.5   -4500/452   NULL      ''
            total  total  l2_read_sectors_per_token   NULL      NULL     NULL   NULL        NULL      not measured in baseline; not measured in modes:stage
            total  total  acceptance_pct              90        90       0      0           NULL      ''
            total  total  accepted_tokens             90        90       0      0           NULL      ''
            total  total  kv_row_bytes                1000      936      -64    -6.4        -6.4      ''
            total  total  kv_rows                     125       117      -8     -6.4        NULL      ''  # 100 + 25, 20 + 72 + 25
            total  total  rejected_pct                10        10       0      0           NULL      ''
            """
        ),
    ),
]
