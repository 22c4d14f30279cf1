from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel

CASES = [
    Case(
        "a graph traced as a whole has replays and no kernels; one traced by node is known by its lowest node",
        traces={
            "a": Recording()
            .call("cudaGraphLaunch_v10000", 0, 10, graph(20, 50, executable=3))
            .call("cudaGraphLaunch_v10000", 60, 80, graph(100, 120, executable=3))
            # By node, in another process: replays of 30, 40 and 30 ns. The third begins before the second has ended.
            .call(
                "cudaGraphLaunch_v10000", 0, 4,
                kernel("x", 10, 20, node=5), kernel("y", 15, 30, node=6), copy("Device-to-Host", 30, 40, 4, node=7),
                pid=2,
            )
            .call(
                "cudaGraphLaunch_v10000", 4, 10,
                kernel("x", 50, 60, node=5), kernel("y", 60, 70, node=6), copy("Device-to-Host", 70, 90, 4, node=7),
                pid=2,
            )
            .call(
                "cudaGraphLaunch_v10000", 10, 18,
                kernel("x", 85, 95, node=5), kernel("y", 95, 105, node=6), copy("Device-to-Host", 105, 115, 4, node=7),
                pid=2,
            )
            # Launched before the recording began.
            .work(kernel("z", 200, 210, node=50), pid=2)
            # Not of a graph.
            .call("cudaLaunchKernel_v7000", 20, 25, kernel("x", 300, 400))
        },
        expected=down(
            """
            trace                  a                  a                  a
            mode                   graph              node               node
            pid                    1                  2                  2
            graph                  3                  5                  50
            instances              2                  3                  1
            kernels_per_instance   NULL               2                  1
            gpu_operations_per_instance  1                  3                  1
            avg_api_ns             (10 + 20) / 2      (4 + 6 + 8) / 3    NULL
            avg_span_ns            (30 + 20) / 2      100 / 3            10
            total_span_ns          30 + 20            30 + 40 + 30       10
            # 50 to 100; 40 to 50 and 90 to 85
            avg_gap_ns             50                 (10 - 5) / 2       NULL
            median_gap_ns          50                 2.5                NULL
            min_gap_ns             50                 -5                 NULL
            max_gap_ns             50                 10                 NULL
            """
        ),
    ),
]  # fmt: skip
