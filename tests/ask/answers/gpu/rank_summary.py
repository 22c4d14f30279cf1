from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel

CASES = [
    Case(
        "processes without GPU work and GPUs without a process have rows of their own",
        traces={
            "a": Recording()
            .gpu(0, "H200", cuda=0)
            .gpu(1, "H200", cuda=1)
            .gpu(2, "H100", cuda=2)
            .process(1, "/usr/bin/rank1")
            .process(2, "/usr/bin/rank2")
            .process(3, "/usr/bin/rank3")
            .call("cudaLaunchKernel_v7000", 0, 1, kernel("k", 10, 40), pid=1)
            .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 50, 60), pid=1)
            .call("cudaFree_v3020", 2, 3, pid=2)
            .call("cudaGraphLaunch_v10000", 3, 4, graph(5, 25, device=1), pid=3)
            .work(copy("Device-to-Host", 60, 70, 4), pid=1)
        },
        expected=down(
            """
            trace                 a      a            a            a
            pid                   1      2            3            NULL
            process               rank1  rank2        rank3        NULL
            device_id             0      NULL         1            2
            gpu                   H200   NULL         H200         H100
            api_calls             2      1            1            0
            kernels               2      0            0            0
            memory_ops            1      0            0            0
            graph_launches        0      0            1            0
            gpu_ns                50     0            20           0      # 30 + 10 + 10
            share_of_busiest_pct  100    0            40           0
            first_ns              10     NULL         5            NULL
            last_ns               70     NULL         25           NULL
            finding               NULL   no GPU work  graphs only  unused GPU
            """
        ),
    ),
    Case(
        "of GPUs of a trace in which no CUDA was recorded nobody knows whether they worked",
        traces={
            "a": Recording().gpu(0, "H200", cuda=0).work(kernel("k", 10, 40)),
            "b": Recording().gpu(0, "H200", cuda=0).os_call("poll", 0, 5),
        },
        expected=down(
            """
            trace                 a
            pid                   1
            process               NULL
            device_id             0
            gpu                   H200
            api_calls             0
            kernels               1
            memory_ops            0
            graph_launches        0
            gpu_ns                30
            share_of_busiest_pct  100
            first_ns              10
            last_ns               40
            finding               NULL
            """
        ),
    ),
    Case(
        "work on a GPU that the report does not tell is work",
        traces={"a": Recording().call("cudaLaunchKernel", 0, 1, kernel("k", 10, 40, device=None))},
        expected=down(
            """
            trace                 a
            pid                   1
            process               NULL
            device_id             NULL
            gpu                   NULL
            api_calls             1
            kernels               1
            memory_ops            0
            graph_launches        0
            gpu_ns                30
            share_of_busiest_pct  100
            first_ns              10
            last_ns               40
            finding               NULL
            """
        ),
    ),
]
