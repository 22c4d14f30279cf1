from made.case import Case, across
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"

STEPS = (
    Recording()
    .gpu(0, "NVIDIA H100", cuda=0)
    .range("step", 0, 10)
    .call(LAUNCH, 1, 2, kernel("a", 100, 140))
    .range("step", 20, 30)
    .call(LAUNCH, 21, 22, kernel("b", 120, 200))  # overlaps the first one from 120 to 140
    .range("inner", 23, 29)
    .call(LAUNCH, 24, 25, kernel("c", 205, 210))
    .range("idle", 40, 50)  # launches nothing
    .sample("SMs Active [Throughput %]", 95, 90)  # begins before the work
    .sample("SMs Active [Throughput %]", 130, 10)  # in both steps, counted once
    .sample("SMs Active [Throughput %]", 190, 40)
    .sample("SMs Active [Throughput %]", 205, 70)  # in the second step, and in inner, whose work begins there
    .sample("SMs Active [Throughput %]", 210, 5)  # of the time behind the work
    .sample("Clock", 130, 3)
    .sample("SMs Active [Throughput %]", 130, 99, gpu=1)  # nobody uses it
)

CASES = [
    Case(
        "samples while the work of ranges runs, each once; a range without work has none",
        traces={"a": STEPS},
        expected=across(
            """
            trace  domain  range  gpu_id  metric      unit           instances  gpu_span_ns  samples  avg
            a      ''      inner  0       Clock       NULL           1          5            0        NULL  # 205 to 210
            a      ''      inner  0       SMs Active  Throughput %    1          5            1        70
            a      ''      step   0       Clock       NULL           2          110          1        3     # 100 to 210
            a      ''      step   0       SMs Active  Throughput %    2          110          3        (10 + 40 + 70) / 3
            """
        ),
    ),
    Case(
        "of ranges and metrics by their names",
        traces={"a": STEPS},
        params={"range": "st*", "metric": "SMs Active"},
        expected=across(
            """
            trace  domain  range  gpu_id  metric      unit           instances  gpu_span_ns  samples  avg
            a      ''      step   0       SMs Active  Throughput %    2          110          3        40
            """
        ),
    ),
    Case(
        "work of which no end is known has no time in which samples count",
        traces={
            "a": Recording()
            .gpu(0, "NVIDIA H100", cuda=0)
            .range("step", 0, 10)
            .call(LAUNCH, 1, 2, kernel("odd", 100, 40))
            .sample("Clock", 50, 3)
            .sample("Clock", 130, 3)
        },
        expected=across(
            """
            trace  domain  range  gpu_id  metric  unit  instances  gpu_span_ns  samples  avg
            a      ''      step   0       Clock   NULL  1          0            0        NULL
            """
        ),
    ),
    Case(
        "ranges without a text are of one kind",
        traces={
            "n": Recording()
            .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0)
            .range(None, 0, 10)
            .call(LAUNCH, 1, 2, kernel("k", 10, 20))
            .sample("SMs Active [Throughput %]", 15, 40)
        },
        expected=across(
            """
            trace  domain  range  gpu_id  metric      unit          instances  gpu_span_ns  samples  avg
            n      ''      NULL   0       SMs Active  Throughput %  1          10           1        40
            """
        ),
    ),
]
