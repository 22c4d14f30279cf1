from made.case import Case, across
from made.nsys import Recording, kernel

TX = "NVLink TX Responses User Data"

# An H100 moves 450 GB/s over NVLink in one direction.
JOB = (
    Recording()
    .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0)
    .gpu(1, "NVIDIA H100 80GB HBM3", cuda=1)
    .nccl(
        "ncclAllReduce", 10, 20, kernel("ncclDevKernel_AllReduce_Sum_f32", 100, 200, stream=7), size=1_000,
        communicator=0xAB,
    )
    .nccl(
        "ncclAllReduce", 30, 40, kernel("ncclDevKernel_AllReduce_Sum_f32", 150, 250, stream=8), size=500,
        communicator=0xAB,
    )
    .work(kernel("ncclDevKernel_AllGather", 300, 340, device=1, stream=9))
    .work(kernel("gemm", 400, 500))
    .sample(f"{TX} [Throughput %]", 50, 40)  # 50 to 150: 50 ns of it with all-reduces
    .sample(f"{TX} [Throughput %]", 150, 60)  # 150 to 250: all of it
    .sample(f"{TX} [Throughput %]", 250, 10)  # nothing runs on this GPU
    .sample(f"{TX} [Throughput %]", 350, 99)  # the last one tells of no time
    .sample(f"{TX} [Throughput %]", 250, 8, gpu=1)  # 250 to 350: 40 ns of the all-gather
    .sample(f"{TX} [Throughput %]", 350, 1, gpu=1)
    .network("IB: Bytes sent", 100, 300, 30)  # of 1,000 bytes per second each
    .network("IB: Bytes sent", 320, 400, 70)  # of 300 to 320 nothing is told
)  # fmt: skip

STEPS = (
    Recording()
    .gpu(0, "NVIDIA Unknown", cuda=0)
    .call("cudaLaunchKernel", 10, 11, kernel("ncclDevKernel_AllGather", 60, 70))
    .range("step 1", 20, 40)
    .call("cudaLaunchKernel", 21, 22, kernel("ncclDevKernel_AllGather", 100, 110))
    .range("step 2", 50, 80)
    .call("cudaLaunchKernel", 51, 52, kernel("ncclDevKernel_AllGather", 110, 120))
    .mpi("MPI_Allreduce", 60, 65, of="collectives", size=16, received=16, communicator=68)
    .mpi("MPI_Bcast", 65, None, of="collectives", size=16, communicator=68)  # it was not seen to end
    .mpi("MPI_Send", 66, 67, of="p2p", size=4)  # no collective
    .mpi("MPI_Barrier", 90, 95, of="collectives")
    .sample(f"{TX} [Throughput %]", 90, 30)
    .sample(f"{TX} [Throughput %]", 105, 60)
    .sample(f"{TX} [Throughput %]", 115, 0)
)

CASES = [
    Case(
        "links of a GPU count for what runs there, a network card for all; outside nothing of the trace runs",
        traces={"a": JOB},
        expected=across(
            """
            trace  collective               communicator  pid   device_id  stream_id  step  start_ns  device         gpu_id  metric                         collectives  busy_ns  known_ns  message_bytes  sized  avg_bytes_per_s                        max_bytes_per_s  outside_bytes_per_s                    peak_bytes_per_s  avg_pct                   max_pct  outside_pct
            a      ncclAllReduce            0xab          NULL  NULL       NULL       NULL  100       mlx5_0 port 1  NULL    IB: Bytes sent                 2            150      150       1500           2      30000                                  30000            (30 * 50 + 70 * 60) * 1000/110         NULL              NULL                      NULL     NULL
            a      ncclDevKernel_AllGather  NULL          NULL  NULL       NULL       NULL  300       mlx5_0 port 1  NULL    IB: Bytes sent                 1            40       20        NULL           0      70000                                  70000            (30 * 50 + 70 * 60) * 1000/110         NULL              NULL                      NULL     NULL
            a      ncclAllReduce            0xab          NULL  NULL       NULL       NULL  100       NULL           0       NVLink TX Responses User Data  2            150      150       1500           2      (40 * 50 + 60 * 100) * 4500000000/150  270000000000     (40 * 50 + 10 * 100) * 4500000000/150  450000000000      (40 * 50 + 60 * 100)/150  60       (40 * 50 + 10 * 100)/150
            a      ncclDevKernel_AllGather  NULL          NULL  NULL       NULL       NULL  300       NULL           1       NVLink TX Responses User Data  1            40       40        NULL           0      36000000000                            36000000000      36000000000                            450000000000      8                         8        8
            """
        ),
    ),
    Case(
        "by stream each has its own time, and the longest are shown",
        traces={"a": JOB},
        params={"by": "stream", "metric": "NVLink*", "limit": 1},
        expected=across(
            """
            trace  collective               communicator  pid  device_id  stream_id  step  start_ns  device  gpu_id  metric                         collectives  busy_ns  known_ns  message_bytes  sized  avg_bytes_per_s  max_bytes_per_s  outside_bytes_per_s                    peak_bytes_per_s  avg_pct  max_pct  outside_pct
            a      ncclAllReduce            0xab          1    0          7          NULL  100       NULL    0       NVLink TX Responses User Data  1            100      100       1000           1      225000000000     270000000000     (40 * 50 + 10 * 100) * 4500000000/150  450000000000      50       60       (40 * 50 + 10 * 100)/150
            a      ncclDevKernel_AllGather  NULL          1    1          9          NULL  300       NULL    1       NVLink TX Responses User Data  1            40       40        NULL           0      36000000000      36000000000      36000000000                            450000000000      8        8        8
            """
        ),
    ),
    Case(
        "by step, before the first one, too; calls of MPI are of the step whose range holds them",
        traces={"b": STEPS},
        params={"by": "step", "step": "step*"},
        expected=across(
            """
            trace  collective               communicator  pid  device_id  stream_id  step  start_ns  device  gpu_id  metric                         collectives  busy_ns  known_ns  message_bytes  sized  avg_bytes_per_s  max_bytes_per_s  outside_bytes_per_s  peak_bytes_per_s  avg_pct  max_pct  outside_pct
            b      ncclDevKernel_AllGather  NULL          1    NULL       NULL       NULL  60        NULL    0       NVLink TX Responses User Data  1            10       0         NULL           0      NULL             NULL             NULL                 NULL              NULL     NULL     30
            b      ncclDevKernel_AllGather  NULL          1    NULL       NULL       0     100       NULL    0       NVLink TX Responses User Data  1            10       10        NULL           0      NULL             NULL             NULL                 NULL              45       60       30
            b      ncclDevKernel_AllGather  NULL          1    NULL       NULL       1     110       NULL    0       NVLink TX Responses User Data  1            10       5         NULL           0      NULL             NULL             NULL                 NULL              60       60       30
            b      MPI_Allreduce            0x44          1    NULL       NULL       1     60        NULL    0       NVLink TX Responses User Data  1            5        0         16             1      NULL             NULL             NULL                 NULL              NULL     NULL     30
            b      MPI_Barrier              NULL          1    NULL       NULL       NULL  90        NULL    0       NVLink TX Responses User Data  1            5        5         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            """
        ),
    ),
    Case(
        "behind the end of the step begun last, an earlier one that is open has the calls of MPI",
        traces={
            "c": Recording()
            .range("step 0", 0, 100, style="startend")
            .range("step 1", 20, 200, tid=2)
            .range("step 2", 20, 30, tid=3)
            .range("step 3", 150, 250, tid=4)
            .mpi("MPI_Barrier", 25, 26, of="collectives")  # in all three
            .mpi("MPI_Bcast", 30, 31, of="collectives")
            .mpi("MPI_Reduce", 120, 121, of="collectives")
            .mpi("MPI_Gather", 200, 201, of="collectives")
            .mpi("MPI_Scan", 250, 251, of="collectives")  # in none
            .sample(f"{TX} [Throughput %]", 0, 30)
            .sample(f"{TX} [Throughput %]", 300, 0)
        },
        params={"by": "step", "step": "step*"},
        expected=across(
            """
            trace  collective   communicator  pid  device_id  stream_id  step  start_ns  device  gpu_id  metric                         collectives  busy_ns  known_ns  message_bytes  sized  avg_bytes_per_s  max_bytes_per_s  outside_bytes_per_s  peak_bytes_per_s  avg_pct  max_pct  outside_pct
            c      MPI_Barrier  NULL          1    NULL       NULL       2     25        NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            c      MPI_Bcast    NULL          1    NULL       NULL       1     30        NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            c      MPI_Reduce   NULL          1    NULL       NULL       1     120       NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            c      MPI_Gather   NULL          1    NULL       NULL       3     200       NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            c      MPI_Scan     NULL          1    NULL       NULL       NULL  250       NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            """
        ),
    ),
    Case(
        "of steps that begin together the longer one is still open; one without length has no calls",
        traces={
            "c": Recording()
            .range("step 0", 20, 100, tid=2)
            .range("step 1", 20, 30, tid=3)
            .range("step 2", 40, 40, tid=3)
            .range("step 3", 150, 150, tid=3)
            .mpi("MPI_Barrier", 25, 26, of="collectives")
            .mpi("MPI_Bcast", 35, 36, of="collectives")
            .mpi("MPI_Reduce", 40, 41, of="collectives")
            .mpi("MPI_Scan", 150, 151, of="collectives")  # in none
            .sample(f"{TX} [Throughput %]", 0, 30)
            .sample(f"{TX} [Throughput %]", 300, 0)
        },
        params={"by": "step", "step": "step*"},
        expected=across(
            """
            trace  collective   communicator  pid  device_id  stream_id  step  start_ns  device  gpu_id  metric                         collectives  busy_ns  known_ns  message_bytes  sized  avg_bytes_per_s  max_bytes_per_s  outside_bytes_per_s  peak_bytes_per_s  avg_pct  max_pct  outside_pct
            c      MPI_Barrier  NULL          1    NULL       NULL       1     25        NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            c      MPI_Bcast    NULL          1    NULL       NULL       0     35        NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            c      MPI_Reduce   NULL          1    NULL       NULL       0     40        NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            c      MPI_Scan     NULL          1    NULL       NULL       NULL  150       NULL    0       NVLink TX Responses User Data  1            1        1         NULL           0      NULL             NULL             NULL                 NULL              30       30       30
            """
        ),
    ),
    Case(
        "each run of its own, in the order of time",
        traces={"b": STEPS},
        params={"by": "run", "metric": "NVLink*", "limit": 2},
        expected=across(
            """
            trace  collective               communicator  pid  device_id  stream_id  step  start_ns  device  gpu_id  metric                         collectives  busy_ns  known_ns  message_bytes  sized  avg_bytes_per_s  max_bytes_per_s  outside_bytes_per_s  peak_bytes_per_s  avg_pct  max_pct  outside_pct
            b      ncclDevKernel_AllGather  NULL          1    0          7          NULL  60        NULL    0       NVLink TX Responses User Data  1            10       0         NULL           0      NULL             NULL             NULL                 NULL              NULL     NULL     30
            b      ncclDevKernel_AllGather  NULL          1    0          7          NULL  100       NULL    0       NVLink TX Responses User Data  1            10       10        NULL           0      NULL             NULL             NULL                 NULL              45       60       30
            """
        ),
    ),
]
