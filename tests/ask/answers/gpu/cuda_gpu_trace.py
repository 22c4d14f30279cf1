from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel, memset

CASES = [
    Case(
        "what a kind of work does not have is NULL; a rate without a duration, too",
        traces={
            "a": Recording()
            .gpu(0, "NVIDIA H200", cuda=0)
            .call(
                "cudaLaunchKernel_v7000",
                0,
                5,
                kernel(
                    "add",
                    10,
                    30,
                    full="void add<float>(float *)",
                    grid=(2, 3, 4),
                    block=(64, 5, 6),
                    registers=40,
                    static_shared=512,
                    dynamic_shared=1024,
                ),
            )
            .call("cudaMemcpyAsync_v3020", 5, 9, copy("Host-to-Device", 30, 40, 5_000, context=2, stream=9))
            .call("cudaMemsetAsync_v3020", 9, 12, memset(40, 40, 64, device=1), pid=2)
            .call("cudaGraphLaunch_v10000", 12, 15, graph(50, 90))
        },
        expected=down(
            """
            trace                 a                         a                             a              a
            start_ns              10                        30                            40             50
            duration_ns           20                        10                            0              40
            correlation_id        1                         2                             1              3
            grid_x                2                         NULL                          NULL           NULL
            grid_y                3                         NULL                          NULL           NULL
            grid_z                4                         NULL                          NULL           NULL
            block_x               64                        NULL                          NULL           NULL
            block_y               5                         NULL                          NULL           NULL
            block_z               6                         NULL                          NULL           NULL
            registers_per_thread  40                        NULL                          NULL           NULL
            static_shared_bytes   512                       NULL                          NULL           NULL
            dynamic_shared_bytes  1024                      NULL                          NULL           NULL
            bytes                 NULL                      5_000                         64             NULL
            bytes_per_s           NULL                      5_000 / 10e-9                 NULL           NULL
            src_memory            NULL                      Pinned                        NULL           NULL
            dst_memory            NULL                      Device                        Device         NULL
            # The report maps device 0 only.
            gpu                   NVIDIA H200               NVIDIA H200                   NULL           NVIDIA H200
            pid                   1                         1                             2              1
            device_id             0                         0                             1              0
            context_id            1                         2                             1              1
            stream_id             7                         9                             7              7
            kind                  kernel                    memcpy                        memset         graph
            operation             void add<float>(float *)  [CUDA memcpy Host-to-Device]  [CUDA memset]  [CUDA graph 1]
            # Numbers of three tables: the second operation on memory is the memset.
            operation_id          1                         1                             2              1
            """
        ),
    ),
    Case(
        "short names, without the graph",
        traces={"a": Recording().work(kernel("add", 10, 30, full="void add<float>(float *)"), graph(50, 90))},
        params={"names": "short", "graphs": False},
        expected=down(
            """
            trace                 a
            start_ns              10
            duration_ns           20
            correlation_id        1
            grid_x                1
            grid_y                1
            grid_z                1
            block_x               32
            block_y               1
            block_z               1
            registers_per_thread  16
            static_shared_bytes   0
            dynamic_shared_bytes  0
            bytes                 NULL
            bytes_per_s           NULL
            src_memory            NULL
            dst_memory            NULL
            gpu                   NULL
            pid                   1
            device_id             0
            context_id            1
            stream_id             7
            kind                  kernel
            operation             add
            operation_id          1
            """
        ),
    ),
]
