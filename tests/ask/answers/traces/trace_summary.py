from made.case import Case, down
from made.ncu import Profile
from made.nsys import Recording, copy, graph, kernel, memset

TRACES = {
    "timeline": Recording(batch="8", mode="off")
    .gpu(0, "NVIDIA H200", cuda=0)
    .gpu(1, "NVIDIA H100", cuda=1)
    .gpu(2, "NVIDIA A10")  # no process used it
    .session(utc_ns=86_400_000_000_000)
    .duration(500)
    .range("step", 0, 100)
    .mark("token", 50)
    .call("cudaLaunchKernel_v7000", 0, 5, kernel("add", 10, 30))
    .call("cudaLaunchKernel_v7000", 5, 9, kernel("mul", 30, 60, device=1))
    .call("cudaGraphLaunch_v10000", 9, 12, graph(60, 70))
    .work(copy("Host-to-Device", 70, 80, 4), memset(80, 90, 4), copy("Device-to-Host", 90, 95, 4)),
    "counters": Profile(tool_version="2025.3.1.0", utc_s=3600)
    .gpu("NVIDIA H200")
    .kernel("add", ns=7, dram_read=64)
    .kernel("mul", ns=8),
    "lossy": Recording().diagnostic("Not all NVTX events might have been collected.", severity="warning"),
}

CASES = [
    Case(
        "what was recorded is counted; what a kind of report cannot tell is NULL",
        traces=TRACES,
        expected=down(
            """
            trace           counters             lossy  timeline
            profiler         ncu                  nsys   nsys
            tool_version    2025.3.1.0           NULL   NULL
            gpu             NVIDIA H200          NULL   NVIDIA H100, NVIDIA H200
            captured_at     1970-01-01 01:00:00  NULL   1970-01-02 00:00:00
            duration_ns     NULL                 NULL   500
            kernels         2                    0      2
            kernel_ns       7 + 8                NULL   20 + 30
            api_calls       0                    0      3
            nvtx_ranges     0                    0      2
            memory_ops      0                    0      3
            graph_launches  0                    0      1
            # Two durations, two devices (0, of each workload) and the bytes read.
            metrics         5                    0      0
            complete        true                 false  true
            tags            {}                   {}     {"batch":"8","mode":"off"}
            """
        ),
    ),
]
