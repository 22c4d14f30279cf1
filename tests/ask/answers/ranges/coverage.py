from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"

THREADS = {
    "c": Recording()
    .range("step", 0, 50)
    .range("backward", 20, 40)
    .range("idle", 45, 50)
    .range("handed over", 10, 60, style="startend", end_tid=2)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14))
    .call(LAUNCH, 25, 26, kernel("k", 30, 36), tid=2)
    .call(LAUNCH, 30, 31, kernel("k", 34, 44), tid=2)
    # Begins in one range and ends in none.
    .call(LAUNCH, 39, 70, kernel("k", 80, 84), tid=2)
    # Of another process, and of no range of its own.
    .call(LAUNCH, 25, 26, kernel("k", 30, 90), pid=2),
}

CASES = [
    Case(
        "work is attributed when its call lay in a range of its own thread; without a recorded call nobody knows",
        traces={
            "a": Recording()
            .range("step", 0, 20)
            .range("request", 30, 40, style="startend")
            .call("cudaLaunchKernel_v7000", 5, 6, kernel("k", 10, 30))
            .call("cudaLaunchKernel_v7000", 32, 33, kernel("k", 40, 50))
            .call("cudaLaunchKernel_v7000", 5, 6, kernel("k", 50, 60), tid=2)
            .call("cudaMemcpyAsync_v3020", 7, 8, copy("Host-to-Device", 60, 80, 4))
            .call("cudaGraphLaunch_v10000", 50, 51, graph(80, 110))
            .work(kernel("k", 110, 120)),
            "only copies": Recording().work(copy("Host-to-Device", 0, 10, 4)),
        },
        expected=across(
            """
            trace        kernels  kernels_with_launch  kernels_in_ranges  kernels_in_ranges_pct  gpu_ns  gpu_in_ranges_ns  gpu_in_ranges_pct
            # Kernels of 20, 10, 10 and 10 ns, of which the first two, and the copy of 20 ns, lay in ranges.
            a            4        3                    2                  50                     100     20 + 10 + 20      50
            only copies  0        0                    0                  NULL                   10      0                 0
            """
        ),
    ),
    Case(
        "by thread, what threads without ranges launch is in none",
        traces=THREADS,
        expected=across(
            """
            trace  kernels  kernels_with_launch  kernels_in_ranges  kernels_in_ranges_pct  gpu_ns               gpu_in_ranges_ns  gpu_in_ranges_pct
            c      5        5                    1                  20                     4 + 6 + 10 + 4 + 60  4                 400/84
            """
        ),
    ),
    Case(
        "by process, ranges of other threads count",
        traces=THREADS,
        params={"by": "process"},
        expected=across(
            """
            trace  kernels  kernels_with_launch  kernels_in_ranges  kernels_in_ranges_pct  gpu_ns               gpu_in_ranges_ns  gpu_in_ranges_pct
            c      5        5                    3                  60                     4 + 6 + 10 + 4 + 60  4 + 6 + 10        2000/84
            """
        ),
    ),
    Case(
        "traces of one tag are added up; one without it stands for itself",
        traces={
            "a": Recording(run="x")
            .range("step", 0, 10)
            .call(LAUNCH, 1, 2, kernel("k", 10, 20))
            .call(LAUNCH, 20, 21, kernel("k", 30, 50)),
            "b": Recording(run="x").call(LAUNCH, 1, 2, kernel("k", 10, 40)),
            "c": Recording().work(kernel("k", 0, 7)),
        },
        params={"by": "tag:run"},
        expected=across(
            """
            trace  kernels  kernels_with_launch  kernels_in_ranges  kernels_in_ranges_pct  gpu_ns        gpu_in_ranges_ns  gpu_in_ranges_pct
            c      1        0                    0                  0                      7             0                 0
            x      3        3                    1                  100/3                  10 + 20 + 30  10                100/6
            """
        ),
    ),
]
