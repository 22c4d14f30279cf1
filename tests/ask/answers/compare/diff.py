"""Cases of diff, a topic each: what stands on both sides, on one, and how sure a difference is."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"
HEAD = (
    "topic  path  name  process_number  device_id  instance  measure  unit  found_in  baseline  variant  delta"
    "  delta_pct  baseline_runs  variant_runs  baseline_stddev  variant_stddev  delta_low  delta_high"
)

PAIR = {
    "before": Recording()
    .range("step", 0, 18)
    .range("copy", 12, 16, domain="lib")
    .call(LAUNCH, 0, 10, kernel("x", 20, 40, full="x<1>"))
    .call("cudaMemcpyAsync_v3020", 13, 15, copy("Host-to-Device", 60, 64, 100))
    .call("cudaGraphLaunch_v10000", 20, 26, graph(70, 78))
    # Overlaps the first one; and a GPU of another process, which is never idle.
    .call(LAUNCH, 27, 29, kernel("y", 30, 50))
    .work(kernel("x", 0, 5, full="x<2>"), pid=2)
    .gpu(0, "H100", cuda=0, pid=1)
    .gpu(1, "H100", cuda=0, pid=2)
    .mark("step", 3),
    "after": Recording()
    .range("step", 0, 12)
    .call(LAUNCH, 5, 8, kernel("x", 20, 35, full="x<1>"))
    .call("cuMemcpyDtoHAsync_v2", 10, 11, copy("Device-to-Host", 36, 38, 10), layer="driver"),
}

#: Three runs with a spread against three without; a kernel that ran in one of them only.
REPEATED = {
    "a1": Recording().work(kernel("x", 0, 10)),
    "a2": Recording().work(kernel("x", 0, 12)),
    "a3": Recording().work(kernel("x", 0, 14), kernel("y", 20, 26)),
    "b1": Recording().work(kernel("x", 0, 20)),
    "b2": Recording().work(kernel("x", 0, 22)),
    "b3": Recording().work(kernel("x", 0, 24)),
}

PROFILES = {
    "before": Profile()
    .kernel(
        "k", "s/w", pid=4, ns=10, dram_read=7, dram_write=8, metrics={"sm__cycles_active.avg": (3, "cycle")}
    )
    .kernel("k", "s/w", pid=4, ns=12, dram_write=9)
    .kernel("k", pid=5, device=1, ns=1, l2_write=4),
    "after": Profile()
    .kernel(
        "k",
        "s/w",
        pid=4,
        ns=20,
        dram_read=None,
        dram_write=2,
        metrics={"sm__cycles_active.avg": (6, "cycle")},
    )
    .kernel("k", pid=5, device=1, ns=1, l2_write=5),
}

#: All launches have the bytes, one lacks the warps; a metric that a report with other ones calls another unit.
DERIVED = "derived__smsp__sass_thread_inst_executed_op_ffma_pred_on_x2"
MEASURED = {
    "before": Profile()
    .kernel("k", ns=10, dram_write=8, warps=4, metrics={DERIVED: (6, "thread")})
    .kernel("k", ns=12, dram_write=9, warps=5),
    "after": Profile()
    .kernel("k", ns=20, dram_write=2, warps=4, metrics={DERIVED: (9, "inst")})
    .kernel("k", ns=20, dram_write=3, warps=None),
}

#: Two kernels of one function in another order.
SWAPPED = {
    "before": Profile().kernel("k", demangled="k<1>(P)", ns=10).kernel("k", demangled="k<2>(P)", ns=30),
    "after": Profile().kernel("k", demangled="k<2>(P)", ns=33).kernel("k", demangled="k<1>(P)", ns=11),
}
NS = {"topic": "launch", "metric": "gpu__time_duration.sum"}

CASES = [
    Case(
        "in total: busy time of overlapping kernels counts once, and gaps lie between all work of one GPU",
        traces=PAIR,
        params={"baseline": "before", "variant": "after", "topic": "trace"},
        expected=across(
            f"""
            {HEAD}
            trace  NULL  NULL  NULL  NULL  NULL  copies          NULL  both  1             1     0              0               1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  copy_bytes      NULL  both  100           10    -90            -90             1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  copy_ns         NULL  both  4             2     -2             -50             1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  gaps            NULL  both  2             1     -1             -50             1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  gpu_busy_ns     NULL  both  30+4+8+5      17    -30            -3000/47        1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  gpu_idle_ns     NULL  both  10 + 6        1     -15            -1500/16        1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  graph_ns        NULL  both  8             0     -8             -100            1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  graphs          NULL  both  1             0     -1             -100            1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  kernel_ns       NULL  both  20 + 20 + 5   15    -30            -3000/45        1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  kernels         NULL  both  3             1     -2             -200/3          1  1  NULL  NULL  NULL  NULL
            trace  NULL  NULL  NULL  NULL  NULL  longest_gap_ns  NULL  both  10            1     -9             -90             1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "repeated runs have means, spread and an interval; a kernel that a run lacks is a 0, but not in its mean",
        traces=REPEATED,
        params={"baseline": ["a1", "a2", "a3"], "variant": ["b1", "b2", "b3"], "topic": "kernel"},
        # x: variances 4 and 4 over 3 runs, 4 degrees of freedom. y: variance 12 of 0, 0 and 6 against 0, 2 degrees.
        expected=across(
            f"""
            {HEAD}
            kernel  NULL  x  NULL  NULL  NULL  avg_ns    NULL  both    12   22    10    1000/12  3  3  2          2     10 - 2.7764451052 * sqrt(8/3)  10 + 2.7764451052 * sqrt(8/3)
            kernel  NULL  x  NULL  NULL  NULL  instances  NULL  both    1    1     0     0        3  3  0          0     0                       0
            kernel  NULL  x  NULL  NULL  NULL  total_ns  NULL  both    12   22    10    1000/12  3  3  2          2     10 - 2.7764451052 * sqrt(8/3)  10 + 2.7764451052 * sqrt(8/3)
            kernel  NULL  y  NULL  NULL  NULL  avg_ns    NULL  baseline only  6    NULL  NULL  NULL     1  0  NULL       NULL  NULL                    NULL
            kernel  NULL  y  NULL  NULL  NULL  instances  NULL  baseline only  1/3  0     -1/3  -100     3  3  sqrt(1/3)  0     -1/3 - 4.3026527299/3          -1/3 + 4.3026527299/3
            kernel  NULL  y  NULL  NULL  NULL  total_ns  NULL  baseline only  2    0     -2    -100     3  3  sqrt(12)   0     -2 - 4.3026527299 * 2          -2 + 4.3026527299 * 2
            """
        ),
    ),
    Case(
        "kernels that a whole graph may hide are not known to be absent; full names keep instances apart",
        traces={
            "eager": Recording().work(kernel("x", 0, 10, full="x<1>"), kernel("z", 20, 24)),
            "whole": Recording().work(kernel("x", 0, 3, full="x<2>"), kernel("z", 20, 22), graph(70, 78)),
        },
        params={"baseline": "eager", "variant": "whole", "topic": "kernel", "names": "full"},
        expected=across(
            f"""
            {HEAD}
            kernel  NULL  x<2>  NULL  NULL  NULL  avg_ns    NULL  variant only  NULL  3     NULL  NULL  0  1  NULL  NULL  NULL  NULL
            kernel  NULL  x<2>  NULL  NULL  NULL  instances  NULL  variant only  0     1     1     NULL  1  1  NULL  NULL  NULL  NULL
            kernel  NULL  x<2>  NULL  NULL  NULL  total_ns  NULL  variant only  0     3     3     NULL  1  1  NULL  NULL  NULL  NULL
            kernel  NULL  z     NULL  NULL  NULL  avg_ns    NULL  both    4     2     -2    -50   1  1  NULL  NULL  NULL  NULL
            kernel  NULL  z     NULL  NULL  NULL  instances  NULL  both    1     1     0     0     1  1  NULL  NULL  NULL  NULL
            kernel  NULL  z     NULL  NULL  NULL  total_ns  NULL  both    4     2     -2    -50   1  1  NULL  NULL  NULL  NULL
            kernel  NULL  x<1>  NULL  NULL  NULL  avg_ns    NULL  baseline only  10    NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            kernel  NULL  x<1>  NULL  NULL  NULL  instances  NULL  baseline only  1     NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            kernel  NULL  x<1>  NULL  NULL  NULL  total_ns  NULL  baseline only  10    NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "ranges by path and domain; one that is not there is NULL, its work may be under another name",
        traces=PAIR,
        params={"baseline": "before", "variant": "after", "topic": "range"},
        expected=across(
            f"""
            {HEAD}
            range  step       ''   NULL  NULL  NULL  gpu_busy_ns     NULL  both    24  17    -7    -700/24  1  1  NULL  NULL  NULL  NULL
            range  step       ''   NULL  NULL  NULL  gpu_operations  NULL  both    2   2     0     0        1  1  NULL  NULL  NULL  NULL
            range  step       ''   NULL  NULL  NULL  instances       NULL  both    1   1     0     0        1  1  NULL  NULL  NULL  NULL
            range  step       ''   NULL  NULL  NULL  launches         NULL  both    2   2     0     0        1  1  NULL  NULL  NULL  NULL
            range  step       ''   NULL  NULL  NULL  total_ns        NULL  both    18  12    -6    -100/3   1  1  NULL  NULL  NULL  NULL
            range  step/copy  lib  NULL  NULL  NULL  gpu_busy_ns     NULL  baseline only  4   NULL  NULL  NULL     1  0  NULL  NULL  NULL  NULL
            range  step/copy  lib  NULL  NULL  NULL  gpu_operations  NULL  baseline only  1   NULL  NULL  NULL     1  0  NULL  NULL  NULL  NULL
            range  step/copy  lib  NULL  NULL  NULL  instances       NULL  baseline only  1   NULL  NULL  NULL     1  0  NULL  NULL  NULL  NULL
            range  step/copy  lib  NULL  NULL  NULL  launches         NULL  baseline only  1   NULL  NULL  NULL     1  0  NULL  NULL  NULL  NULL
            range  step/copy  lib  NULL  NULL  NULL  total_ns        NULL  baseline only  4   NULL  NULL  NULL     1  0  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "calls by layer, those whose time changed most first; one that was not made took no time",
        traces=PAIR,
        params={"baseline": "before", "variant": "after", "topic": "api_call"},
        expected=across(
            f"""
            {HEAD}
            api_call  runtime  cudaLaunchKernel    NULL  NULL  NULL  avg_ns    NULL  both    6     3     -3    -50   1  1  NULL  NULL  NULL  NULL
            api_call  runtime  cudaLaunchKernel    NULL  NULL  NULL  calls     NULL  both    2     1     -1    -50   1  1  NULL  NULL  NULL  NULL
            api_call  runtime  cudaLaunchKernel    NULL  NULL  NULL  total_ns  NULL  both    12    3     -9    -75   1  1  NULL  NULL  NULL  NULL
            api_call  runtime  cudaGraphLaunch     NULL  NULL  NULL  avg_ns    NULL  baseline only  6     NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            api_call  runtime  cudaGraphLaunch     NULL  NULL  NULL  calls     NULL  baseline only  1     0     -1    -100  1  1  NULL  NULL  NULL  NULL
            api_call  runtime  cudaGraphLaunch     NULL  NULL  NULL  total_ns  NULL  baseline only  6     0     -6    -100  1  1  NULL  NULL  NULL  NULL
            api_call  runtime  cudaMemcpyAsync     NULL  NULL  NULL  avg_ns    NULL  baseline only  2     NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            api_call  runtime  cudaMemcpyAsync     NULL  NULL  NULL  calls     NULL  baseline only  1     0     -1    -100  1  1  NULL  NULL  NULL  NULL
            api_call  runtime  cudaMemcpyAsync     NULL  NULL  NULL  total_ns  NULL  baseline only  2     0     -2    -100  1  1  NULL  NULL  NULL  NULL
            api_call  driver   cuMemcpyDtoHAsync   NULL  NULL  NULL  avg_ns    NULL  variant only  NULL  1     NULL  NULL  0  1  NULL  NULL  NULL  NULL
            api_call  driver   cuMemcpyDtoHAsync   NULL  NULL  NULL  calls     NULL  variant only  0     1     1     NULL  1  1  NULL  NULL  NULL  NULL
            api_call  driver   cuMemcpyDtoHAsync   NULL  NULL  NULL  total_ns  NULL  variant only  0     1     1     NULL  1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "copies by their direction",
        traces=PAIR,
        params={"baseline": "before", "variant": "after", "topic": "copy"},
        expected=across(
            f"""
            {HEAD}
            copy  NULL  memcpy Host-to-Device  NULL  NULL  NULL  bytes       NULL  baseline only  100  0   -100  -100  1  1  NULL  NULL  NULL  NULL
            copy  NULL  memcpy Host-to-Device  NULL  NULL  NULL  instances  NULL  baseline only  1    0   -1    -100  1  1  NULL  NULL  NULL  NULL
            copy  NULL  memcpy Host-to-Device  NULL  NULL  NULL  total_ns    NULL  baseline only  4    0   -4    -100  1  1  NULL  NULL  NULL  NULL
            copy  NULL  memcpy Device-to-Host  NULL  NULL  NULL  bytes       NULL  variant only  0    10  10    NULL  1  1  NULL  NULL  NULL  NULL
            copy  NULL  memcpy Device-to-Host  NULL  NULL  NULL  instances  NULL  variant only  0    1   1     NULL  1  1  NULL  NULL  NULL  NULL
            copy  NULL  memcpy Device-to-Host  NULL  NULL  NULL  total_ns    NULL  variant only  0    2   2     NULL  1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "launches one by one, by place, process, device and number; what was not measured is NULL, not 0",
        traces=PROFILES,
        params={"baseline": "before", "variant": "after", "topic": "launch"},
        expected=across(
            f"""
            {HEAD}
            launch  ''   k  1  1  1  dram_read_bytes   NULL  both    NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            launch  ''   k  1  1  1  dram_write_bytes  NULL  both    NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            launch  ''   k  1  1  1  duration_ns       NULL  both    1     1     0     0     1  1  NULL  NULL  NULL  NULL
            launch  ''   k  1  1  1  l2_read_sectors   NULL  both    NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            launch  ''   k  1  1  1  l2_write_sectors  NULL  both    4     5     1     25    1  1  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  1  dram_read_bytes   NULL  both    7     NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  1  dram_write_bytes  NULL  both    8     2     -6    -75   1  1  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  1  duration_ns       NULL  both    10    20    10    100   1  1  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  1  l2_read_sectors   NULL  both    NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  1  l2_write_sectors  NULL  both    NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  2  dram_read_bytes   NULL  baseline only  NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  2  dram_write_bytes  NULL  baseline only  9     NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  2  duration_ns       NULL  baseline only  12    NULL  NULL  NULL  1  0  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  2  l2_read_sectors   NULL  baseline only  NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            launch  s/w  k  1  0  2  l2_write_sectors  NULL  baseline only  NULL  NULL  NULL  NULL  0  0  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "chosen metrics: sums add up over launches that all have them, averages stand for one launch only",
        traces=MEASURED,
        params={
            "baseline": "before",
            "variant": "after",
            "topic": "%e%",
            "metric": ["dram__bytes_write.sum", "sm__warps_launched.sum", DERIVED],
        },
        expected=across(
            f"""
            {HEAD}
            trace   NULL  NULL  NULL  NULL  NULL  dram__bytes_write.sum   byte   both    17  5     -12   -1200/17  1  1  NULL  NULL  NULL  NULL
            trace   NULL  NULL  NULL  NULL  NULL  kernel_ns               NULL   both    22  40    18    1800/22   1  1  NULL  NULL  NULL  NULL
            trace   NULL  NULL  NULL  NULL  NULL  kernels                 NULL   both    2   2     0     0         1  1  NULL  NULL  NULL  NULL
            trace   NULL  NULL  NULL  NULL  NULL  sm__warps_launched.sum  warp   both    9   NULL  NULL  NULL      1  0  NULL  NULL  NULL  NULL
            kernel  NULL  k     NULL  NULL  NULL  avg_ns                  NULL   both    11  20    9     900/11    1  1  NULL  NULL  NULL  NULL
            kernel  NULL  k     NULL  NULL  NULL  dram__bytes_write.sum   byte   both    17  5     -12   -1200/17  1  1  NULL  NULL  NULL  NULL
            kernel  NULL  k     NULL  NULL  NULL  instances               NULL   both    2   2     0     0         1  1  NULL  NULL  NULL  NULL
            kernel  NULL  k     NULL  NULL  NULL  sm__warps_launched.sum  warp   both    9   NULL  NULL  NULL      1  0  NULL  NULL  NULL  NULL
            kernel  NULL  k     NULL  NULL  NULL  total_ns                NULL   both    22  40    18    1800/22   1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "a chosen metric of each launch",
        traces=PROFILES,
        params={
            "baseline": "before",
            "variant": "after",
            "topic": "launch",
            "metric": "sm__cycles_active.avg",
        },
        expected=across(
            f"""
            {HEAD}
            launch  s/w  k  1  0  1  sm__cycles_active.avg  cycle  both  3  6  3  100  1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "a metric is the same one whatever its unit is called",
        traces=MEASURED,
        params={"baseline": "before", "variant": "after", "topic": "launch", "metric": DERIVED},
        expected=across(
            f"""
            {HEAD}
            launch  ''  k  1  0  1  {DERIVED}  inst, thread  both  6  9  3  50  1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "launches of one function are numbered by distinct names: each finds its own, in whatever order they ran",
        traces=SWAPPED,
        params={"baseline": "before", "variant": "after", **NS},
        expected=across(
            f"""
            {HEAD}
            launch  ''  k<1>  1  0  1  gpu__time_duration.sum  ns  both  10  11  1  10  1  1  NULL  NULL  NULL  NULL
            launch  ''  k<2>  1  0  1  gpu__time_duration.sum  ns  both  30  33  3  10  1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "by short names they are launches 1 and 2 of the function",
        traces=SWAPPED,
        params={"baseline": "before", "variant": "after", "names": "short", **NS},
        expected=across(
            f"""
            {HEAD}
            launch  ''  k  1  0  1  gpu__time_duration.sum  ns  both  10  33  23   230      1  1  NULL  NULL  NULL  NULL
            launch  ''  k  1  0  2  gpu__time_duration.sum  ns  both  30  11  -19  -190/3   1  1  NULL  NULL  NULL  NULL
            """
        ),
    ),
]
