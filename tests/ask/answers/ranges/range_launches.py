from made.case import Case, across
from made.nsys import Recording, kernel

STEPS = (
    Recording()
    .range("step", 0, 20)
    .range("step", 5, 10)  # in itself: a second instance, but no work twice
    .range("mask", 6, 9, domain="lib")
    .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 20, 30))
    .call("cudaLaunchKernel_v7000", 7, 8, kernel("k", 30, 50))
    .range("step", 60, 80)
    .call("cudaGraphLaunch_v10000", 61, 62, kernel("k", 70, 75, node=1), kernel("k", 75, 80, node=2))
    .range("request", 0, 30, style="startend")
    .range("idle", 90, 95)
    .mark("mask", 91)
)

CASES = [
    Case(
        "children included; ranges of one text in each other count their kernels once, marks are none",
        traces={"a": STEPS},
        expected=across(
            """
            trace  domain  range       instances  kernels    kernels_per_instance   gpu_ns
            a      ''      step        3          1 + 1 + 2  4/3                    10 + 20 + 5 + 5
            a      ''      request     1          2          2                      10 + 20
            a      lib     mask        1          1          1                      20
            a      ''      idle        1          0          0                      0
            """
        ),
    ),
    Case(
        "of one text, in every trace",
        traces={"a": STEPS, "b": Recording().range("mask", 0, 5)},
        params={"range": "ma%"},
        expected=across(
            """
            trace  domain  range       instances  kernels   kernels_per_instance   gpu_ns
            a      lib     mask        1          1         1                      20
            b      ''      mask        1          0         0                      0
            """
        ),
    ),
]
