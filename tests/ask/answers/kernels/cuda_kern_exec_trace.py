from ask.answers.kernels.cuda_kern_exec_sum import LAUNCHES
from made.case import Case, down
from made.nsys import Recording, kernel

CASES = [
    Case(
        "a kernel that started before its call returned was not queued; one without a call has no row",
        traces={"a": LAUNCHES},
        expected=down(
            """
            trace               a                         a                         a                         a
            api_start_ns        0                         0                         20                        40
            api_duration_ns     10                        10                        6                         2
            queue_start_ns      NULL                      10                        26                        42
            queue_duration_ns   NULL                      5                         0                         4
            kernel_start_ns     2                         15                        26                        46
            kernel_duration_ns  4                         5                         14                        24
            total_ns            10                        20                        20                        30
            pid                 1                         2                         1                         1
            tid                 1                         3                         1                         1
            device_id           0                         1                         0                         0
            function            cudaLaunchKernel          cudaLaunchKernel          cudaLaunchKernel          cudaLaunchKernel
            grid_x              1                         1                         1                         1
            grid_y              1                         1                         1                         1
            grid_z              1                         1                         1                         1
            block_x             32                        32                        32                        32
            block_y             1                         1                         1                         1
            block_z             1                         1                         1                         1
            kernel              void add<float>(float *)  void add<float>(float *)  void add<float>(float *)  void add<float>(float *)
            kernel_id           1                         4                         2                         3
            """
        ),
    ),
    Case(
        "all kernels of a graph's launch show the same call; names are short if asked for",
        traces={
            "a": Recording().call(
                "cudaGraphLaunch_v10000", 0, 10,
                kernel("x", 20, 25, full="void x<int>(int *)", node=1, grid=(2, 3, 4), block=(64, 5, 6)),
                kernel("y", 25, 40, node=2),
            )
        },
        params={"names": "short"},
        expected=down(
            """
            trace               a                a
            api_start_ns        0                0
            api_duration_ns     10               10
            queue_start_ns      10               10
            queue_duration_ns   10               15
            kernel_start_ns     20               25
            kernel_duration_ns  5                15
            total_ns            25               40
            pid                 1                1
            tid                 1                1
            device_id           0                0
            function            cudaGraphLaunch  cudaGraphLaunch
            grid_x              2                1
            grid_y              3                1
            grid_z              4                1
            block_x             64               32
            block_y             5                1
            block_z             6                1
            kernel              x                y
            kernel_id           1                2
            """
        ),
    ),
    Case(
        "the whole time is not known where the call or the kernel has no known end",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel_v7000", 0, 10, kernel("k", 50, 40))
            .call("cudaLaunchKernel_v7000", 20, 15, kernel("k", 60, 80))
        },
        expected=down(
            """
            trace               a                 a
            api_start_ns        0                 20
            api_duration_ns     10                NULL
            queue_start_ns      10                NULL
            queue_duration_ns   40                NULL
            kernel_start_ns     50                60
            kernel_duration_ns  NULL              20
            total_ns            NULL              NULL
            pid                 1                 1
            tid                 1                 1
            device_id           0                 0
            function            cudaLaunchKernel  cudaLaunchKernel
            grid_x              1                 1
            grid_y              1                 1
            grid_z              1                 1
            block_x             32                32
            block_y             1                 1
            block_z             1                 1
            kernel              k                 k
            kernel_id           1                 2
            """
        ),
    ),
]  # fmt: skip
