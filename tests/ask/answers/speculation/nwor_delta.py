"""Cases of nwor_delta: pairs of ranges, totals, what is left out, and why a number is not known."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

CASES = [
    Case(
        "a pair and the ranges inside it, the rest by its path, and all together; per token by each trace's own",
        traces={
            "before": Profile(tags={"spec_num_accepted_tokens": "10", "spec_num_draft_tokens": "20"})
            .kernel("write", "step/kv_write", dram_write=100, dram_read=10, l2_write=4, l2_read=1, ns=10)
            .kernel("write", "step/kv_write/inner", dram_write=50, dram_read=5, l2_write=2, l2_read=1, ns=5)
            .kernel("mask", "step/mask", dram_write=1, dram_read=1, l2_write=1, l2_read=1, ns=2),
            "after": Profile(tags={"spec_num_accepted_tokens": "5", "spec_num_draft_tokens": "20"})
            .kernel("commit", "step/commit", dram_write=60, dram_read=10, l2_write=8, l2_read=1, ns=6)
            .kernel("mask", "step/mask", dram_write=1, dram_read=None, l2_write=1, l2_read=1, ns=2),
        },
        params={"baseline": "before", "variant": "after", "pair": {"step/kv_write": "step/commit"}},
        expected=across(
            """
            scope  path                         measure                     baseline  variant  delta  delta_pct    remark
            pair   step/kv_write = step/commit  dram_write_bytes            150       60       -90    -60          ''
            pair   step/kv_write = step/commit  dram_read_bytes             15        10       -5     -100/3       ''
            pair   step/kv_write = step/commit  l2_write_sectors            6         8        2      100/3        ''
            pair   step/kv_write = step/commit  l2_read_sectors             2         1        -1     -50          ''
            pair   step/kv_write = step/commit  gpu_ns                      15        6        -9     -60          ''
            pair   step/kv_write = step/commit  kernels                     2         1        -1     -50          ''
            pair   step/kv_write = step/commit  dram_write_bytes_per_token  150/10    60/5     -3     -20          ''
            pair   step/kv_write = step/commit  dram_read_bytes_per_token   15/10     10/5     0.5    100/3        ''
            pair   step/kv_write = step/commit  l2_write_sectors_per_token  6/10      8/5      1      500/3        ''
            pair   step/kv_write = step/commit  l2_read_sectors_per_token   2/10      1/5      0      0            ''
            total  total                        dram_write_bytes            151       61       -90    -9000/151    ''
            total  total                        dram_read_bytes             16        NULL     NULL   NULL         not measured for every kernel of after
            total  total                        l2_write_sectors            7         9        2      200/7        ''
            total  total                        l2_read_sectors             3         2        -1     -100/3       ''
            total  total                        gpu_ns                      17        8        -9     -900/17      ''
            total  total                        kernels                     3         2        -1     -100/3       ''
            total  total                        dram_write_bytes_per_token  15.1      12.2     -2.9   -290/15.1    ''
            total  total                        dram_read_bytes_per_token   1.6       NULL     NULL   NULL         not measured for every kernel of after
            total  total                        l2_write_sectors_per_token  0.7       1.8      1.1    1100/7       ''
            total  total                        l2_read_sectors_per_token   0.3       0.4      0.1    100/3        ''
            total  total                        acceptance_pct              50        25       -25    -50          ''
            total  total                        accepted_tokens             10        5        -5     -50          ''
            total  total                        rejected_pct                50        75       25     50           ''
            range   step/mask                    dram_write_bytes            1         1        0      0            ''
            range   step/mask                    dram_read_bytes             1         NULL     NULL   NULL         not measured for every kernel of after
            range   step/mask                    l2_write_sectors            1         1        0      0            ''
            range   step/mask                    l2_read_sectors             1         1        0      0            ''
            range   step/mask                    gpu_ns                      2         2        0      0            ''
            range   step/mask                    kernels                     1         1        0      0            ''
            range   step/mask                    dram_write_bytes_per_token  0.1       0.2      0.1    100          ''
            range   step/mask                    dram_read_bytes_per_token   0.1       NULL     NULL   NULL         not measured for every kernel of after
            range   step/mask                    l2_write_sectors_per_token  0.1       0.2      0.1    100          ''
            range   step/mask                    l2_read_sectors_per_token   0.1       0.2      0.1    100          ''
            """
        ),
    ),
    Case(
        "ranges that are left out are in no sum; every number that is not known says why",
        traces={
            "a": Profile(tags={"spec_num_accepted_tokens": "0", "spec_num_draft_tokens": "8"})
            .kernel("copy", ns=4, dram_write=3)
            .kernel("flush", "step/flush/l2", ns=100, dram_write=9000),
            "b": Profile().kernel("copy", "step", ns=5, dram_write=8, dram_read=0),
        },
        params={"baseline": "a", "variant": "b", "exclude": ["nothing", "%/flush"]},
        expected=across(
            """
            scope  path                 measure                     baseline  variant  delta  delta_pct  remark
            total  total                dram_write_bytes            3         8        5      500/3      ''
            total  total                dram_read_bytes             NULL      0        NULL   NULL       not measured for every kernel of a
            total  total                l2_write_sectors            NULL      NULL     NULL   NULL       not measured for every kernel of a; not measured for every kernel of b
            total  total                l2_read_sectors             NULL      NULL     NULL   NULL       not measured for every kernel of a; not measured for every kernel of b
            total  total                gpu_ns                      4         5        1      25         ''
            total  total                kernels                     1         1        0      0          ''
            total  total                dram_write_bytes_per_token  NULL      NULL     NULL   NULL       no token was accepted in a; spec_num_accepted_tokens of b is not known
            total  total                dram_read_bytes_per_token   NULL      NULL     NULL   NULL       not measured for every kernel of a; spec_num_accepted_tokens of b is not known
            total  total                l2_write_sectors_per_token  NULL      NULL     NULL   NULL       not measured for every kernel of a; not measured for every kernel of b
            total  total                l2_read_sectors_per_token   NULL      NULL     NULL   NULL       not measured for every kernel of a; not measured for every kernel of b
            total  total                acceptance_pct              0         NULL     NULL   NULL       spec_num_accepted_tokens and spec_num_draft_tokens of b are not known
            total  total                accepted_tokens             0         NULL     NULL   NULL       spec_num_accepted_tokens and spec_num_draft_tokens of b are not known
            total  total                rejected_pct                100       NULL     NULL   NULL       spec_num_accepted_tokens and spec_num_draft_tokens of b are not known
            range   (outside any range)  dram_write_bytes            3         NULL     NULL   NULL       no kernel there in b
            range   (outside any range)  dram_read_bytes             NULL      NULL     NULL   NULL       not measured for every kernel of a; no kernel there in b
            range   (outside any range)  l2_write_sectors            NULL      NULL     NULL   NULL       not measured for every kernel of a; no kernel there in b
            range   (outside any range)  l2_read_sectors             NULL      NULL     NULL   NULL       not measured for every kernel of a; no kernel there in b
            range   (outside any range)  gpu_ns                      4         NULL     NULL   NULL       no kernel there in b
            range   (outside any range)  kernels                     1         NULL     NULL   NULL       no kernel there in b
            range   (outside any range)  dram_write_bytes_per_token  NULL      NULL     NULL   NULL       no token was accepted in a; no kernel there in b
            range   (outside any range)  dram_read_bytes_per_token   NULL      NULL     NULL   NULL       not measured for every kernel of a; no kernel there in b
            range   (outside any range)  l2_write_sectors_per_token  NULL      NULL     NULL   NULL       not measured for every kernel of a; no kernel there in b
            range   (outside any range)  l2_read_sectors_per_token   NULL      NULL     NULL   NULL       not measured for every kernel of a; no kernel there in b
            range   step                 dram_write_bytes            NULL      8        NULL   NULL       no kernel there in a
            range   step                 dram_read_bytes             NULL      0        NULL   NULL       no kernel there in a
            range   step                 l2_write_sectors            NULL      NULL     NULL   NULL       no kernel there in a; not measured for every kernel of b
            range   step                 l2_read_sectors             NULL      NULL     NULL   NULL       no kernel there in a; not measured for every kernel of b
            range   step                 gpu_ns                      NULL      5        NULL   NULL       no kernel there in a
            range   step                 kernels                     NULL      1        NULL   NULL       no kernel there in a
            range   step                 dram_write_bytes_per_token  NULL      NULL     NULL   NULL       no kernel there in a; spec_num_accepted_tokens of b is not known
            range   step                 dram_read_bytes_per_token   NULL      NULL     NULL   NULL       no kernel there in a; spec_num_accepted_tokens of b is not known
            range   step                 l2_write_sectors_per_token  NULL      NULL     NULL   NULL       no kernel there in a; not measured for every kernel of b
            range   step                 l2_read_sectors_per_token   NULL      NULL     NULL   NULL       no kernel there in a; not measured for every kernel of b
            """
        ),
    ),
]
