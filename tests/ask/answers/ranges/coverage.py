from made.case import Case, across
from made.nsys import Recording, copy, graph, kernel

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
]
