from made.case import Case, across
from made.nsys import Recording

SMS, DRAM = "SMs Active [Throughput %]", "DRAM Read Bandwidth [Throughput %]"
SAMPLES = (
    Recording()
    .sample(SMS, -5, 100)  # before the trace began
    .sample(SMS, 0, 60)
    .sample(SMS, 10, 10)
    .sample(SMS, 20, 20)
    .sample(DRAM, 10, 7)
    .sample(SMS, 10, 40, gpu=1)
)

CASES = [
    Case(
        "per GPU and metric, from the beginning of the trace on",
        traces={"a": SAMPLES},
        expected=across(
            """
            trace  gpu_id  metric               unit          samples  avg  stddev     min  q1  median  q3  max  p90  p99
            a      0       DRAM Read Bandwidth  Throughput %  1        7    NULL       7    7   7       7   7    7    7
            # 10, 20 and 60: 20, 10 and 30 from their mean; the quartiles lie half-way to the median.
            a      0       SMs Active           Throughput %  3        30   sqrt(700)  10   15  20      40  60   52   59.2
            a      1       SMs Active           Throughput %  1        40   NULL       40   40  40      40  40   40   40
            """
        ),
    ),
    Case(
        "of metrics of a name only",
        traces={"a": SAMPLES},
        params={"metric": "DRAM%"},
        expected=across(
            """
            trace  gpu_id  metric               unit          samples  avg  stddev  min  q1  median  q3  max  p90  p99
            a      0       DRAM Read Bandwidth  Throughput %  1        7    NULL    7    7   7       7   7    7    7
            """
        ),
    ),
]
