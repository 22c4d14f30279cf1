"""Cases of counters_on_timeline: launches of two recordings side by side."""

from __future__ import annotations

from made.case import Case, down
from made.ncu import Profile
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"
BUSY = "dram__throughput.avg.pct_of_peak_sustained_elapsed"
WARPS = "sm__warps_launched.sum"

TIMELINE = (
    Recording()
    .range("step", 0, 100)
    .call(LAUNCH, 10, 11, kernel("gemm", 200, 240))
    .call(LAUNCH, 20, 21, kernel("gemm", 250, 260))
    .range("cub", 50, 60, domain="lib")
    .call(LAUNCH, 51, 52, kernel("scan", 300, 305))
    .call(LAUNCH, 150, 151, kernel("late", 400, 410))
    .call(LAUNCH, 10, 11, kernel("gemm", 500, 520), pid=2)
)
COUNTERS = (
    Profile()
    .kernel("gemm", "step", pid=50, ns=50, dram_read=100, dram_write=60, metrics={BUSY: (25, "%")})
    .kernel("gemm", "step", pid=50, metrics={BUSY: (None, "%")})
    .kernel("scan", "step", pid=50, domains={"lib": "cub"}, ns=6, dram_read=10, dram_write=None)
    .kernel("norm", "step", pid=50, ns=7, metrics={WARPS: (4, "warp")})
    .kernel("norm", "step", pid=50, ns=8)
    .kernel("gemm", pid=60, ns=25, dram_read=8, dram_write=2, l2_read=4, l2_write=5)
)

CASES = [
    Case(
        "the n-th launch of a kernel at a place, of the same process in order; none is dropped",
        traces={"t": TIMELINE, "c": COUNTERS},
        params={"timeline": "t", "counters": "c"},
        expected=down(
            """
            path                       step     step   step | lib: cub  ''             ''       step           step
            kernel                     gemm     gemm   scan             late           gemm     norm           norm
            process_number             1        1      1                1              2        1              1
            device_id                  0        0      0                0              0        0              0
            instance                   1        2      1                1              1        1              2
            found_in                   both     both   both             timeline only  both     counters only  counters only
            start_ns                   200      250    300              400            500      NULL           NULL
            duration_ns                40       10     5                10             20       NULL           NULL
            profiled_ns                50       NULL   6                NULL           25       7              8
            dram_read_bytes            100      NULL   10               NULL           8        NULL           NULL
            dram_write_bytes           60       NULL   NULL             NULL           2        NULL           NULL
            l2_read_sectors            NULL     NULL   NULL             NULL           4        NULL           NULL
            l2_write_sectors           NULL     NULL   NULL             NULL           5        NULL           NULL
            dram_bytes_per_s           4e9      NULL   NULL             NULL           5e8      NULL           NULL  # 160 in 40 ns, 10 in 20
            metric_unit                %        %      NULL             NULL           NULL     NULL           NULL
            metric_value               25       NULL   NULL             NULL           NULL     NULL           NULL
            kernel_id                  1        2      3                4              5        NULL           NULL
            profiled_kernel_id         1        2      3                NULL           6        4              5
            kernel_matched_pct         100      100    100              0              100      NULL           NULL     # 3 of 3, 1 of 1, 0 of 1
            kernel_matched_time_pct    100      100    100              0              100      NULL           NULL
            timeline_matched_pct       80       80     80               80             80       80             80       # 4 of 5
            timeline_matched_time_pct  7500/85  7500/85  7500/85        7500/85        7500/85  7500/85        7500/85  # 75 of 85 ns
            counters_matched_pct       400/6    400/6  400/6            400/6          400/6    400/6          400/6    # 4 of 6
            """
        ),
    ),
    Case(
        "another metric; a launch that is elsewhere in the other recording matches nothing",
        traces={
            "t": Recording().work(kernel("norm", 10, 20), kernel("norm", 30, 60, device=1)),
            "c": Profile()
            .kernel("norm", ns=7, metrics={WARPS: (4, "warp")})
            .kernel("norm", "step", ns=9, metrics={WARPS: (6, "warp")}),
        },
        params={"timeline": "t", "counters": "c", "metric": WARPS},
        expected=down(
            """
            path                       ''    ''             step
            kernel                     norm  norm           norm
            process_number             1     1              1
            device_id                  0     1              0
            instance                   1     1              1
            found_in                   both  timeline only  counters only
            start_ns                   10    30             NULL
            duration_ns                10    30             NULL
            profiled_ns                7     NULL           9
            dram_read_bytes            NULL  NULL           NULL
            dram_write_bytes           NULL  NULL           NULL
            l2_read_sectors            NULL  NULL           NULL
            l2_write_sectors           NULL  NULL           NULL
            dram_bytes_per_s           NULL  NULL           NULL
            metric_unit                warp  NULL           warp
            metric_value               4     NULL           6
            kernel_id                  1     2              NULL
            profiled_kernel_id         1     NULL           2
            kernel_matched_pct         50    50             50    # 1 of 2
            kernel_matched_time_pct    25    25             25    # 10 of 40 ns
            timeline_matched_pct       50    50             50
            timeline_matched_time_pct  25    25             25
            counters_matched_pct       50    50             50
            """
        ),
    ),
    Case(
        "launches of one function by their distinct names, in whatever order they ran",
        traces={
            "t": Recording().work(kernel("k", 10, 20, full="k<1>(P)"), kernel("k", 30, 40, full="k<2>(P)")),
            "c": Profile().kernel("k", demangled="k<2>(P)", ns=9).kernel("k", demangled="k<1>(P)", ns=7),
        },
        params={"timeline": "t", "counters": "c"},
        expected=down(
            """
            path                       ''    ''
            kernel                     k<1>  k<2>
            process_number             1     1
            device_id                  0     0
            instance                   1     1
            found_in                   both  both
            start_ns                   10    30
            duration_ns                10    10
            profiled_ns                7     9
            dram_read_bytes            NULL  NULL
            dram_write_bytes           NULL  NULL
            l2_read_sectors            NULL  NULL
            l2_write_sectors           NULL  NULL
            dram_bytes_per_s           NULL  NULL
            metric_unit                NULL  NULL
            metric_value               NULL  NULL
            kernel_id                  1     2
            profiled_kernel_id         2     1
            kernel_matched_pct         100   100
            kernel_matched_time_pct    100   100
            timeline_matched_pct       100   100
            timeline_matched_time_pct  100   100
            counters_matched_pct       100   100
            """
        ),
    ),
    Case(
        "launches of one function by its short name, in their order",
        traces={
            "t": Recording().work(kernel("k", 10, 20, full="k<1>(P)"), kernel("k", 30, 40, full="k<2>(P)")),
            "c": Profile().kernel("k", demangled="k<2>(P)", ns=9).kernel("k", demangled="k<1>(P)", ns=7),
        },
        params={"timeline": "t", "counters": "c", "names": "short"},
        expected=down(
            """
            path                       ''    ''
            kernel                     k     k
            process_number             1     1
            device_id                  0     0
            instance                   1     2
            found_in                   both  both
            start_ns                   10    30
            duration_ns                10    10
            profiled_ns                9     7
            dram_read_bytes            NULL  NULL
            dram_write_bytes           NULL  NULL
            l2_read_sectors            NULL  NULL
            l2_write_sectors           NULL  NULL
            dram_bytes_per_s           NULL  NULL
            metric_unit                NULL  NULL
            metric_value               NULL  NULL
            kernel_id                  1     2
            profiled_kernel_id         1     2
            kernel_matched_pct         100   100
            kernel_matched_time_pct    100   100
            timeline_matched_pct       100   100
            timeline_matched_time_pct  100   100
            counters_matched_pct       100   100
            """
        ),
    ),
    Case(
        "of two ranks one was profiled, the second: its device tells it; NCCL's ranges ncu does not close",
        traces={
            "t": Recording()
            .call(LAUNCH, 1, 2, kernel("gemm", 10, 20))
            .range("ncclAllReduce", 0, 5, domain="NCCL", pid=2)
            .call(LAUNCH, 1, 2, kernel("gemm", 30, 50, device=1), pid=2),
            "c": Profile().kernel(
                "gemm",
                pid=60,
                device=1,
                domains={"NCCL": "ncclCommInitRankConfig"},
                ns=25,
                dram_read=8,
                dram_write=2,
            ),
        },
        params={"timeline": "t", "counters": "c"},
        expected=down(
            """
            path                       ''             ''
            kernel                     gemm           gemm
            process_number             1              1
            device_id                  0              1
            instance                   1              1
            found_in                   timeline only  both
            start_ns                   10             30
            duration_ns                10             20
            profiled_ns                NULL           25
            dram_read_bytes            NULL           8
            dram_write_bytes           NULL           2
            l2_read_sectors            NULL           NULL
            l2_write_sectors           NULL           NULL
            dram_bytes_per_s           NULL           5e8
            metric_unit                NULL           NULL
            metric_value               NULL           NULL
            kernel_id                  1              2
            profiled_kernel_id         NULL           1
            kernel_matched_pct         50             50
            kernel_matched_time_pct    2000/30        2000/30
            timeline_matched_pct       50             50
            timeline_matched_time_pct  2000/30        2000/30
            counters_matched_pct       100            100
            """
        ),
    ),
]
