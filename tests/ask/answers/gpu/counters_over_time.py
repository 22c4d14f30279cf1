from made.case import Case, across
from made.nsys import Recording, kernel

SAMPLED = (
    Recording()
    .duration(100)
    .gpu(0, "NVIDIA H100", cuda=0)
    .work(kernel("a", 0, 90))
    .sample("SMs Active [Throughput %]", 10, 40)
    .sample("SMs Active [Throughput %]", 20, 60)  # the same half
    .sample("SMs Active [Throughput %]", 50, 10)  # the second one begins there
    .sample("SMs Active [Throughput %]", -5, 99)  # before the recording
    .counter("queue", 30, 3.0, group="pool", device="pool", scope="worker[0]")
    .counter("queue", 60, 5.0, group="pool", device="pool", scope="worker[0]")
    .counter("tokens", 70, 8.0, unit="tokens")
    .counter("tokens", 80, None, unit="tokens")  # it had no value then
    .power(90, 700)
    .network("IB: Bytes sent", 40, 60, 1200)
)

CASES = [
    Case(
        "two halves of the time; where nothing was sampled there is no row",
        traces={"a": SAMPLED},
        params={"parts": 2},
        expected=across(
            """
            trace  source  device                           gpu_id  metric          unit          time_ns  samples  avg   min   max
            a      gpu     NULL                             0       SMs Active      Throughput %  0        2        50    40    60    # 40, 60
            a      gpu     NULL                             0       SMs Active      Throughput %  50       1        10    10    10
            a      nic     mlx5_0 port 1                    NULL    IB: Bytes sent  bytes/ms      50       1        1200  1200  1200  # it tells of 40 to 60
            a      nvml    GPU (0000:00:00.0 - NVIDIA)      0       Power           W             50       1        700   700   700
            a      nvtx    worker[0]                        NULL    pool queue      NULL          0        1        3     3     3
            a      nvtx    worker[0]                        NULL    pool queue      NULL          50       1        5     5     5
            a      nvtx    NULL                             NULL    tokens          tokens        50       1        8     8     8
            """
        ),
    ),
    Case(
        "of one source and by the name of a metric",
        traces={"a": SAMPLED},
        params={"parts": 1, "source": "nv*", "metric": "*o*e*"},
        expected=across(
            """
            trace  source  device                       gpu_id  metric      unit    time_ns  samples  avg  min  max
            a      nvml    GPU (0000:00:00.0 - NVIDIA)  0       Power       W       0        1        700  700  700
            a      nvtx    worker[0]                    NULL    pool queue  NULL    0        2        4    3    5
            a      nvtx    NULL                         NULL    tokens      tokens  0        1        8    8    8
            """
        ),
    ),
]
