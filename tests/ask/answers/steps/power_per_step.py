from made.case import Case, across
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"

STEPS = (
    Recording()
    .gpu(0, "NVIDIA H100", cuda=0)
    .range("execute_context_1(512)_generation_0(0)", 0, 9)
    .call(LAUNCH, 1, 2, kernel("a", 100, 150))
    .range("execute_context_0(0)_generation_4(4)", 10, 19)
    .call(LAUNCH, 11, 12, kernel("b", 200, 300))
    .power(50, 90)  # the first one tells of no time
    .power(140, 500)
    .power(160, 200)
    .power(240, 400)  # the last one: of 240 to 300 nothing is known
    .sample("GPC Clock Frequency [MHz]", 100, 1900)
    .sample("GPC Clock Frequency [MHz]", 150, 1700)
    .sample("GPC Clock Frequency [MHz]", 200, 1)  # tells of no time
)

CASES = [
    Case(
        "power between its samples, step by step; what no sample tells of is known of no step",
        traces={"a": STEPS},
        expected=across(
            """
            trace  gpu_id  pid  step  range                                   start_ns  span_ns  avg_power_w                              max_power_w  power_known_pct  energy_j                                         avg_clock_hz  tokens  energy_j_per_token
            a      0       1    0     execute_context_1(512)_generation_0(0)  100       100      (500 * 40 + 200 * 20 + 400 * 40) / 100   500          100              (500 * 40 + 200 * 20 + 400 * 40) / 1000000000    1800000000    512     (500 * 40 + 200 * 20 + 400 * 40) / 512000000000
            a      0       1    1     execute_context_0(0)_generation_4(4)    200       100      400                                      400          40               400 * 40 / 1000000000                            NULL          4       NULL
            """
        ),
    ),
    Case(
        "of the steps that are asked for; of a GPU whose power nobody sampled nothing is told",
        traces={
            "a": STEPS,
            "b": Recording().range("s", 0, 9).call(LAUNCH, 1, 2, kernel("a", 100, 150)).counter("x", 1, 2.0),
        },
        params={"step": "*generation_4*"},
        expected=across(
            """
            trace  gpu_id  pid  step  range                                 start_ns  span_ns  avg_power_w  max_power_w  power_known_pct  energy_j               avg_clock_hz  tokens  energy_j_per_token
            a      0       1    0     execute_context_0(0)_generation_4(4)  200       100      400          400          40               400 * 40 / 1000000000  NULL          4       NULL
            """
        ),
    ),
]
