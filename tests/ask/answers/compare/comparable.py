"""Cases of comparable: what was recorded alike, what was not, and what no trace tells."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, kernel

CLOCK = "gpc__cycles_elapsed.avg.per_second"

H200 = {"multiprocessor_count": 132, "max_gpu_frequency_khz": 1_980_000}
A100 = {"multiprocessor_count": 108, "max_gpu_frequency_khz": 1_410_000}

CASES = [
    Case(
        "settings, tags (but baseline) and GPUs differ, or one side does not say; clocks 1 % apart are the same",
        traces={
            "a": Profile(
                tags={"model": "m", "mode": "old", "baseline": "main"},
                settings={"clock_control": "base", "export_schema": "3.1"},
                tool_version="2025.3",
            )
            .gpu("NVIDIA H200", multiprocessor_count=132, max_gpu_frequency_khz=1_980_000)
            # In the machine, but not used.
            .gpu("NVIDIA T4", device=1, multiprocessor_count=40, max_gpu_frequency_khz=1_590_000)
            .kernel(metrics={CLOCK: 1.0e9}),
            "b": Profile(
                tags={"model": "m", "mode": "new"},
                settings={"clock_control": "none", "cache_control": "all"},
                tool_version="2025.3",
            )
            .gpu("NVIDIA H200", multiprocessor_count=128, max_gpu_frequency_khz=1_980_000)
            .kernel(metrics={CLOCK: 1.005e9})
            .kernel(metrics={CLOCK: 1.015e9}),
        },
        params={"baseline": "a", "variant": "b"},
        expected=across(
            """
            property                baseline                variant      verdict  meaning
            profiler                ncu                     ncu          same     NULL
            tool_version            2025.3                  2025.3       same     NULL
            gpu                     NVIDIA H200, NVIDIA T4  NVIDIA H200  differs  times and counters differ with the GPU, whatever else changed
            sm_count                132                     128          differs  times and counters differ with the size of the GPU
            highest_sm_clock        1980 MHz                1980 MHz     same     NULL
            measured_sm_clock       1000 MHz                1010 MHz     same     NULL
            complete                true                    true         same     NULL
            setting: cache_control  NULL                    all          unknown  all flushes caches before kernels: DRAM bytes differ for that alone
            setting: clock_control  base                    none         differs  base locks the clocks, none lets them move: times differ for that alone
            tag: mode               old                     new          differs  what was changed on purpose, or another workload
            tag: model              m                       m            same     NULL
            """
        ),
    ),
    Case(
        "of a group every trace must say; without any tag nothing tells what ran; samples tell the clock",
        traces={
            "a1": Recording()
            .gpu(0, "NVIDIA H200", cuda=0, smCount=132, clockRate=1_980_000_000)
            .work(kernel("k", 10, 20))
            # Before the first kernel the GPU saves power.
            .sample("GPC Clock Frequency [MHz]", 5, 100)
            .sample("GPC Clock Frequency [MHz]", 10, 1500)
            .sample("GPC Clock Frequency [MHz]", 20, 1700),
            "a2": Recording().work(kernel("k", 10, 20)),
            "b": Profile().kernel(metrics={CLOCK: 1.0e9}),
        },
        params={"baseline": ["a1", "a2"], "variant": ["b"]},
        expected=across(
            """
            property           baseline     variant   verdict  meaning
            profiler           nsys         ncu       differs  ncu runs kernels alone and repeatedly: only counters_on_timeline joins the two
            tool_version       NULL         NULL      unknown  counters can change between versions; an export does not say which recorded
            gpu                NVIDIA H200  NULL      unknown  times and counters differ with the GPU, whatever else changed
            sm_count           132          NULL      unknown  times and counters differ with the size of the GPU
            highest_sm_clock   1980 MHz     NULL      unknown  times differ with the clock
            measured_sm_clock  1600 MHz     1000 MHz  unknown  times differ with the clock; recorded by ncu --metrics gpc__cycles_elapsed.avg.per_second, nsys profile --gpu-metrics-devices=all
            complete           NULL         true      unknown  not every trace says whether events are missing
            tags               NULL         NULL      unknown  nothing says what ran: traceql ingest --tag model=… --tag batch=…
            """
        ),
    ),
    Case(
        "of a trace that does not tell one of its GPUs, the sizes and clocks of all are not known",
        traces={
            "a": Recording()
            .gpu(0, "NVIDIA H200", cuda=0, smCount=132, clockRate=1_980_000_000)
            .work(kernel("k", 10, 20), kernel("k", 20, 30, device=None))
            .sample("GPC Clock Frequency [MHz]", 15, 1500),
            "b": Recording()
            .gpu(0, "NVIDIA H200", cuda=0, smCount=132, clockRate=1_980_000_000)
            .work(kernel("k", 10, 20))
            .sample("GPC Clock Frequency [MHz]", 15, 1500),
        },
        params={"baseline": "a", "variant": "b"},
        expected=across(
            """
            property           baseline     variant      verdict  meaning
            profiler           nsys         nsys         same     NULL
            tool_version       NULL         NULL         unknown  counters can change between versions; an export does not say which recorded
            gpu                NVIDIA H200  NVIDIA H200  same     NULL
            sm_count           NULL         132          unknown  times and counters differ with the size of the GPU
            highest_sm_clock   NULL         1980 MHz     unknown  times differ with the clock
            measured_sm_clock  NULL         1500 MHz     unknown  times differ with the clock; recorded by ncu --metrics gpc__cycles_elapsed.avg.per_second, nsys profile --gpu-metrics-devices=all
            complete           NULL         NULL         unknown  not every trace says whether events are missing
            tags               NULL         NULL         unknown  nothing says what ran: traceql ingest --tag model=… --tag batch=…
            """
        ),
    ),
    Case(
        "two kinds of GPUs are the same two, whichever comes first",
        traces={
            "a": Profile(tags={"model": "m"}, tool_version="2025.3")
            .gpu("NVIDIA H200", **H200)
            .gpu("NVIDIA A100", device=1, **A100)
            .kernel(metrics={CLOCK: 1e9})
            .kernel(device=1, metrics={CLOCK: 1e9}),
            "b": Profile(tags={"model": "m"}, tool_version="2025.3")
            .gpu("NVIDIA A100", **A100)
            .gpu("NVIDIA H200", device=1, **H200)
            .kernel(metrics={CLOCK: 1e9})
            .kernel(device=1, metrics={CLOCK: 1e9}),
        },
        params={"baseline": "a", "variant": "b"},
        expected=across(
            """
            property           baseline                  variant                   verdict  meaning
            profiler           ncu                       ncu                       same     NULL
            tool_version       2025.3                    2025.3                    same     NULL
            gpu                NVIDIA A100, NVIDIA H200  NVIDIA A100, NVIDIA H200  same     NULL
            sm_count           108, 132                  108, 132                  same     NULL
            highest_sm_clock   1410 MHz, 1980 MHz        1410 MHz, 1980 MHz        same     NULL
            measured_sm_clock  1000 MHz                  1000 MHz                  same     NULL
            complete           true                      true                      same     NULL
            tag: model         m                         m                         same     NULL
            """
        ),
    ),
    Case(
        "SMs that launches may use are told where some may not use all; a trace without them does not say",
        traces={
            "a": Profile(tags={"model": "m"}, tool_version="2025.3")
            .gpu("NVIDIA H200", **H200)
            .kernel(metrics={CLOCK: 1e9, "launch__sm_count": 16})
            .kernel(metrics={CLOCK: 1e9, "launch__sm_count": 132})
            .kernel(metrics={CLOCK: 1e9, "launch__sm_count": 132}),
            "b": Profile(tags={"model": "m"}, tool_version="2025.3")
            .gpu("NVIDIA H200", **H200)
            .kernel(metrics={CLOCK: 1e9, "launch__sm_count": 100}),
        },
        params={"baseline": "a", "variant": "b"},
        expected=across(
            """
            property           baseline     variant      verdict  meaning
            profiler           ncu          ncu          same     NULL
            tool_version       2025.3       2025.3       same     NULL
            gpu                NVIDIA H200  NVIDIA H200  same     NULL
            sm_count           132          132          same     NULL
            launch_sm_count    16, 132      100          differs  times and counters differ with the SMs that a launch may use
            highest_sm_clock   1980 MHz     1980 MHz     same     NULL
            measured_sm_clock  1000 MHz     1000 MHz     same     NULL
            complete           true         true         same     NULL
            tag: model         m            m            same     NULL
            """
        ),
    ),
]
