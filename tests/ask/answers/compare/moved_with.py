"""Cases of moved_with: what halves with the time, what stays, and what cannot be told."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile, Value

HEAD = (
    "group_name  baseline_ns  variant_ns  time_delta_pct  measure  meaning  baseline  variant  delta_pct"
    "  rate_delta_pct  explained_pct  finding  remark"
)


def counters(instructions: float, cycles: float, clock: float, occupancy: float) -> dict[str, Value]:
    return {
        "smsp__inst_executed.sum": instructions,
        "gpc__cycles_elapsed.max": cycles,
        "gpc__cycles_elapsed.avg.per_second": clock,
        "sm__warps_active.avg.pct_of_peak_sustained_active": occupancy,
    }


CASES = [
    Case(
        "half the time: half the bytes at the same rate, twice the occupancy, as many instructions in half of it",
        traces={
            "a": Profile()
            .kernel("k", ns=60, dram_read=200, dram_write=96, l2_read=6, metrics=counters(700, 120, 2e9, 40))
            .kernel("k", ns=20, dram_read=100, dram_write=4, l2_read=2, metrics=counters(300, 40, 2e9, 80)),
            "b": Profile().kernel(
                "k", ns=40, dram_read=150, dram_write=80, l2_read=32, metrics=counters(1000, 80, 2e9, 100)
            ),
        },
        params={"baseline": ["a"], "variant": ["b"]},
        # DRAM bytes 400 and 230: ln(230/400) ÷ ln(1/2) = 0.7984; occupancy (60 * 40 + 20 * 80) / 80 = 50.
        expected=across(
            f"""
            {HEAD}
            NULL  80  40  -50  dram_read_bytes                                    bytes read from DRAM     300   150   -50    0     100           with the time  ''
            NULL  80  40  -50  gpc__cycles_elapsed.max                            cycles                   160   80    -50    0     100           with the time  ''
            NULL  80  40  -50  launches                                           launches                 2     1     -50    0     100           with the time  ''
            NULL  80  40  -50  sm__warps_active.avg.pct_of_peak_sustained_active  achieved occupancy       50    100   100    NULL  100           with the time  ''
            NULL  80  40  -50  dram_bytes                                         DRAM bytes               400   230   -42.5  15    79.83661388303496  in part        ''
            NULL  80  40  -50  dram_write_bytes                                   bytes written to DRAM    100   80    -20    60    32.19280948873623  in part        ''
            NULL  80  40  -50  gpc__cycles_elapsed.avg.per_second                 SM clock                 2e9   2e9   0      NULL  0             NULL           ''
            NULL  80  40  -50  smsp__inst_executed.sum                            instructions             1000  1000  0      100   0             NULL           ''
            NULL  80  40  -50  l2_read_sectors                                    sectors read from L2     8     32    300    700   -200          against it     ''
            k     80  40  -50  dram_read_bytes                                    bytes read from DRAM     300   150   -50    0     100           with the time  ''
            k     80  40  -50  gpc__cycles_elapsed.max                            cycles                   160   80    -50    0     100           with the time  ''
            k     80  40  -50  launches                                           launches                 2     1     -50    0     100           with the time  ''
            k     80  40  -50  sm__warps_active.avg.pct_of_peak_sustained_active  achieved occupancy       50    100   100    NULL  100           with the time  ''
            k     80  40  -50  dram_bytes                                         DRAM bytes               400   230   -42.5  15    79.83661388303496  in part        ''
            k     80  40  -50  dram_write_bytes                                   bytes written to DRAM    100   80    -20    60    32.19280948873623  in part        ''
            k     80  40  -50  gpc__cycles_elapsed.avg.per_second                 SM clock                 2e9   2e9   0      NULL  0             NULL           ''
            k     80  40  -50  smsp__inst_executed.sum                            instructions             1000  1000  0      100   0             NULL           ''
            k     80  40  -50  l2_read_sectors                                    sectors read from L2     8     32    300    700   -200          against it     ''
            """
        ),
    ),
    Case(
        "means of repeated runs, by range; a metric more; of a part of the launches nothing is told",
        traces={
            "a1": Profile().kernel("k", "r", ns=10, dram_write=4, metrics={"x.sum": 2}),
            "a2": Profile().kernel("k", "r", ns=30, dram_write=12, metrics={"x.sum": 6}),
            "b": Profile()
            .kernel("k", "r", ns=15, dram_write=16, metrics={"x.sum": 60})
            .kernel("k", "r", ns=25, metrics={"x.sum": 4}),
        },
        params={"baseline": ["a1", "a2"], "variant": ["b"], "by": "range", "metric": ["x.sum"]},
        # From 20 ns to 40, and of x from 4 to 64: 16 times.
        expected=across(
            f"""
            {HEAD}
            NULL  20  40  100  launches          launches               1  2     100   0     100   with the time  ''
            NULL  20  40  100  x.sum             NULL                   4  64    1500  700   400   more           ''
            NULL  20  40  100  dram_write_bytes  bytes written to DRAM  8  NULL  NULL  NULL  NULL  NULL           not measured of all launches after
            r     20  40  100  launches          launches               1  2     100   0     100   with the time  ''
            r     20  40  100  x.sum             NULL                   4  64    1500  700   400   more           ''
            r     20  40  100  dram_write_bytes  bytes written to DRAM  8  NULL  NULL  NULL  NULL  NULL           not measured of all launches after
            """
        ),
    ),
    Case(
        "of a time that is the same nothing is explained; the kernel that changed most; one of a side is in the sum",
        traces={
            "a": Profile().kernel("k", "r", ns=100, dram_write=0).kernel("z", ns=60).kernel("old", ns=40),
            "b": Profile().kernel("k", ns=101, dram_write=5).kernel("z", ns=60).kernel("new", ns=40),
        },
        params={"baseline": ["a"], "variant": ["b"], "limit": 1},
        expected=across(
            f"""
            {HEAD}
            NULL  200  201  0.5  dram_write_bytes  bytes written to DRAM  NULL  NULL  NULL  NULL      NULL  NULL  not measured of all launches; the time is the same within 2 %
            NULL  200  201  0.5  launches          launches               3     3     0     -100/201  NULL  NULL  the time is the same within 2 %
            k     100  101  1    dram_write_bytes  bytes written to DRAM  0     5     NULL  NULL      NULL  NULL  none of it on a side; the time is the same within 2 %
            k     100  101  1    launches          launches               1     1     0     -100/101  NULL  NULL  the time is the same within 2 %
            """
        ),
    ),
]
