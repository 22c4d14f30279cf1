from made.case import Case, down
from made.nsys import Recording, kernel

ADD = "void add<float>(float *)"
LAUNCHES = (
    Recording()
    .call("cudaLaunchKernel_v7000", 0, 10, kernel("add", 2, 6, full=ADD))  # done before its call returns
    .call("cudaLaunchKernel_v7000", 20, 26, kernel("add", 26, 40, full=ADD))  # starts as its call returns
    .call("cudaLaunchKernel_v7000", 40, 42, kernel("add", 46, 70, full=ADD))
    .call("cudaLaunchKernel_v7000", 0, 10, kernel("add", 15, 20, full=ADD, device=1), tid=3, pid=2)
    .work(kernel("add", 80, 90, full=ADD))  # whose call was not recorded
)

CASES = [
    Case(
        "a kernel that started before its call returned was not queued, and no part of the queue's figures",
        traces={"a": LAUNCHES},
        expected=down(
            """
            trace            a                          a
            pid              1                          2
            tid              1                          3
            device_id        0                          1
            function         cudaLaunchKernel           cudaLaunchKernel
            kernel           void add<float>(float *)   void add<float>(float *)
            instances        3                          1
            queued           2                          1
            # 0 to 10, when the call returns; 20 to 40; 40 to 70
            avg_total_ns     20                         20
            median_total_ns  20                         20
            min_total_ns     10                         20
            max_total_ns     30                         20
            stddev_total_ns  10                         NULL
            p90_total_ns     28                         20
            p99_total_ns     29.8                       20
            # 10, 6 and 2
            avg_api_ns       6                          10
            median_api_ns    6                          10
            min_api_ns       2                          10
            max_api_ns       10                         10
            stddev_api_ns    4                          NULL
            p90_api_ns       9.2                        10
            p99_api_ns       9.92                       10
            # 26 to 26 and 42 to 46
            avg_queue_ns     2                          5
            median_queue_ns  2                          5
            min_queue_ns     0                          5
            max_queue_ns     4                          5
            stddev_queue_ns  sqrt(8)                    NULL
            p90_queue_ns     3.6                        5
            p99_queue_ns     3.96                       5
            # 4, 14 and 24
            avg_kernel_ns    14                         5
            median_kernel_ns  14                        5
            min_kernel_ns    4                          5
            max_kernel_ns    24                         5
            stddev_kernel_ns  10                        NULL
            p90_kernel_ns    22                         5
            p99_kernel_ns    23.8                       5
            """
        ),
    ),
    Case(
        "what has no known end is in none of the times that it lacks",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 10, kernel("k", 50, 40))
            .call("cudaLaunchKernel_v7000", 20, 15, kernel("k", 60, 80))
            .call("cudaLaunchKernel_v7000", 90, 94, kernel("k", 100, 110))
        },
        expected=down(
            """
            trace            a
            pid              1
            tid              1
            device_id        0
            function         cudaLaunchKernel
            kernel           k
            instances        3
            queued           2
            avg_total_ns     20    # 90 to 110
            median_total_ns  20
            min_total_ns     20
            max_total_ns     20
            stddev_total_ns  NULL
            p90_total_ns     20
            p99_total_ns     20
            avg_api_ns       7     # 10 and 4
            median_api_ns    7
            min_api_ns       4
            max_api_ns       10
            stddev_api_ns    sqrt(18)
            p90_api_ns       9.4
            p99_api_ns       9.94
            avg_queue_ns     23    # 10 to 50 and 94 to 100
            median_queue_ns  23
            min_queue_ns     6
            max_queue_ns     40
            stddev_queue_ns  sqrt(578)
            p90_queue_ns     36.6
            p99_queue_ns     39.66
            avg_kernel_ns    15    # 20 and 10
            median_kernel_ns  15
            min_kernel_ns    10
            max_kernel_ns    20
            stddev_kernel_ns  sqrt(50)
            p90_kernel_ns    19
            p99_kernel_ns    19.9
            """
        ),
    ),
]
