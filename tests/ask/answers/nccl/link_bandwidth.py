from made.case import Case, across
from made.nsys import Recording, kernel

TX, PCIE = "NVLink TX Responses User Data", "PCIe RX Throughput"

# An H100 moves 450 GB/s over NVLink and 64 GB/s over PCIe, in one direction.
LINKS = (
    Recording()
    .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0)
    .gpu(1, "NVIDIA H100 80GB HBM3")
    .work(kernel("ncclDevKernel_AllReduce_Sum_f32", 100, 150), kernel("ncclDevKernel_AllGather", 140, 160))
    .work(kernel("gemm", 200, 300))
    .sample(f"{TX} [Throughput %]", 80, 40)  # 80 to 130: 30 ns of it with collectives
    .sample(f"{TX} [Throughput %]", 130, 60)  # 130 to 180: 30 ns
    .sample(f"{TX} [Throughput %]", 180, 2)
    .sample(f"{TX} [Throughput %]", 280, 99)  # the last one tells of no time
    .sample(f"{TX} [Throughput %]", 280, 4, gpu=1)  # a single one
    .sample(f"{PCIE} [Throughput %]", 100, 10)
    .sample(f"{PCIE} [Throughput %]", 200, 0)
    .sample("SMs Active [Throughput %]", 100, 50)  # no link
    .network("IB: Bytes sent", 0, 110, 5)  # a network card says from when on: 10 ns of it
    .network("IB: Bytes sent", 110, 210, 200)  # of 1,000 bytes per second each
    .network("IB: Send waits", 0, 110, 5, unit="ticks/ms")  # no bytes
)

CASES = [
    Case(
        "a collective counts once where two run; the sample before a time tells of it",
        traces={"a": LINKS},
        expected=across(
            """
            trace  device         gpu_id  metric                         samples  avg_bytes_per_s                                  max_bytes_per_s  collective_ns  collective_bytes_per_s  peak_bytes_per_s  avg_pct                        collective_pct
            a      mlx5_0 port 1  NULL    IB: Bytes sent                 2        (5 * 110 + 200 * 100) * 1000/210                 200000           60             (5 * 10 + 200 * 50) * 1000/60  NULL        NULL                           NULL
            a      NULL           0       NVLink TX Responses User Data  4        (40 * 50 + 60 * 50 + 2 * 100) * 4500000000/200   445500000000     60             225000000000            450000000000      (40 * 50 + 60 * 50 + 200)/200  50
            a      NULL           0       PCIe RX Throughput             2        6400000000                                       6400000000       60             6400000000              64000000000       10                             10
            a      NULL           1       NVLink TX Responses User Data  1        NULL                                             18000000000      0              NULL                    450000000000      NULL                           NULL
            """
        ),
    ),
    Case(
        "of a GPU of no known product shares are told, and bytes are not",
        traces={
            "b": Recording()
            .gpu(0, "NVIDIA Unknown", cuda=0)
            .work(kernel("ncclDevKernel_AllReduce_Sum_f32", 100, 110))
            .sample(f"{TX} [Throughput %]", 100, 30)
            .sample(f"{TX} [Throughput %]", 120, 1)
        },
        params={"metric": "NVLink*"},
        expected=across(
            """
            trace  device  gpu_id  metric                         samples  avg_bytes_per_s  max_bytes_per_s  collective_ns  collective_bytes_per_s  peak_bytes_per_s  avg_pct  collective_pct
            b      NULL    0       NVLink TX Responses User Data  2        NULL             NULL             10             NULL                    NULL              30       30
            """
        ),
    ),
    Case(
        "where no kernels were recorded, for how long collectives ran is not known",
        traces={
            "c": Recording()
            .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0)
            .sample(f"{TX} [Throughput %]", 100, 30)
            .sample(f"{TX} [Throughput %]", 120, 1)
        },
        expected=across(
            """
            trace  device  gpu_id  metric                         samples  avg_bytes_per_s  max_bytes_per_s  collective_ns  collective_bytes_per_s  peak_bytes_per_s  avg_pct  collective_pct
            c      NULL    0       NVLink TX Responses User Data  2        135000000000     135000000000     NULL           NULL                    450000000000      30       NULL
            """
        ),
    ),
]
