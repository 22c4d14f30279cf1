from made.case import Case, across, down
from made.nsys import Recording, kernel

CLOCK = "GPC Clock Frequency [MHz]"


def launches(name: str, *durations: int) -> Recording:
    """One of each duration, every 50 from 10 on."""
    made = Recording()
    for number, duration in enumerate(durations):
        start = 10 + 50 * number
        made.work(kernel(name, start, start + duration))
    return made


def clocked(made: Recording, later: int) -> Recording:
    """2,000 MHz until 100, and so many from then on."""
    return made.sample(CLOCK, 0, 2_000).sample(CLOCK, 100, later).sample(CLOCK, 1_000, later)


RAMP = range(20, 40, 2)


def behind_warm_up(*durations: int) -> Recording:
    """A first step that takes ten times as long, whose launch takes 10; then a step for each duration."""
    made = Recording().range("step 0", 0, 500).call("cudaLaunchKernel_v7000", 0, 5, kernel("gemm", 10, 20))
    for number, duration in enumerate(durations, start=1):
        start = 450 + 50 * number
        made.range(f"step {number}", start, start + 40)
        made.call("cudaLaunchKernel_v7000", start, start + 5, kernel("gemm", start + 5, start + 5 + duration))
    return made


CASES = [
    Case(
        "where clocks fall they are to blame as far as they explain it; else products are told that change slowly",
        traces={
            # Half the clock, twice the time.
            "hot": clocked(launches("k", 20, 20, *[40] * 8), 1_000),
            # 4/3 of the clock, 3/2 of the time: two thirds of it.
            "partly": clocked(launches("k", 20, 20, *[30] * 8), 1_500),
            "shared": clocked(launches("gemm", *RAMP), 2_000),
            "unknown": launches("gemm", *RAMP),
            # As much at once, and back; and what hangs on more than its shape.
            "jumping": launches("gemm", 20, 38, 20, 38, 20, 38, 20, 38, 20, 38),
            "attending": launches("flash_fwd", *RAMP),
            "sending": clocked(launches("ncclDevKernel_AllReduce", 20, 20, *[40] * 8), 1_000),
        },
        params={"short_ns": 0},
        expected=down(
            """
            trace       hot                                                                                                       partly                                                                                                    shared                                                                                                                 unknown
            code        throttled                                                                                                 throttled                                                                                                 kernel_drift                                                                                                           unclocked_drift
            severity    high                                                                                                      medium                                                                                                    medium                                                                                                                 medium
            # 8 · 20; two thirds of 8 · 10; 2 + 4 + … + 18.
            saving_ns   160                                                                                                       53                                                                                                        90                                                                                                                     90
            # Of 10 … 500, 490, 498.
            saving_pct  16000/490                                                                                                 5300/480                                                                                                  9000/488                                                                                                               9000/488
            numbers     {kernels: 1.0, longer_pct: 80.0, max_ns: 40.0, fast_clock_hz: 2000000000.0, slow_clock_hz: 1000000000.0}  {kernels: 1.0, longer_pct: 40.0, max_ns: 30.0, fast_clock_hz: 2000000000.0, slow_clock_hz: 1500000000.0}  {kernels: 1.0, longer_pct: 45.0, max_ns: 38.0, fast_clock_hz: 2000000000.0, slow_clock_hz: 2000000000.0}  {kernels: 1.0, longer_pct: 45.0, max_ns: 38.0, fast_clock_hz: NULL, slow_clock_hz: NULL}
            texts       {kernel: k}                                                                                               {kernel: k}                                                                                               {kernel: gemm}                                                                                                         {kernel: gemm}
            range       NULL                                                                                                      NULL                                                                                                      NULL                                                                                                                   NULL
            start_ns    10                                                                                                        10                                                                                                        10                                                                                                                     10
            end_ns      500                                                                                                       490                                                                                                       498                                                                                                                    498
            """
        ),
    ),
    Case(
        "what is launched before the first step behind warm-up is not compared, however fast it is",
        traces={"a": behind_warm_up(*RAMP)},
        params={"short_ns": 0},
        expected=across(
            """
            # 2 + 4 + … + 18 of 10 … 993 without 20 … 505.
            trace  code             severity  saving_ns  saving_pct  numbers                                                                                    texts           range  start_ns  end_ns
            a      unclocked_drift  medium    90         9000/498    {kernels: 1.0, longer_pct: 45.0, max_ns: 38.0, fast_clock_hz: NULL, slow_clock_hz: NULL}  {kernel: gemm}  NULL   505       993
            """
        ),
    ),
]
