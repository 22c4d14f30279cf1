from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"
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

THREADS = {
    "c": Recording()
    .range("step", 0, 50)
    .range("backward", 20, 40)
    .range("idle", 45, 50)
    .range("handed over", 10, 60, style="startend", end_tid=2)
    .call(LAUNCH, 5, 6, kernel("k", 10, 14))
    .call(LAUNCH, 25, 26, kernel("k", 30, 36), tid=2)
    .call(LAUNCH, 30, 31, kernel("k", 34, 44), tid=2)
    # Begins in one range and ends in none.
    .call(LAUNCH, 39, 70, kernel("k", 80, 84), tid=2)
    # Of another process, and of no range of its own.
    .call(LAUNCH, 25, 26, kernel("k", 30, 90), pid=2),
}

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
        "of one text, in every trace; where no kernels were recorded none are counted",
        traces={"a": STEPS, "b": Recording().range("mask", 0, 5)},
        params={"range": "ma%"},
        expected=across(
            """
            trace  domain  range       instances  kernels   kernels_per_instance   gpu_ns
            a      lib     mask        1          1         1                      20
            b      ''      mask        1          NULL      NULL                   NULL
            """
        ),
    ),
    Case(
        "by thread, the work of ranges during which only others launched any is unknown",
        traces=THREADS,
        expected=across(
            """
            trace  domain  range        instances  kernels  kernels_per_instance  gpu_ns
            c      ''      step         1          1        1                     4
            c      ''      idle         1          0        0                     0
            c      ''      backward     1          NULL     NULL                  NULL
            c      ''      handed over  1          NULL     NULL                  NULL
            """
        ),
    ),
    Case(
        "by process, the calls of all threads that lie inside",
        traces=THREADS,
        params={"by": "process"},
        expected=across(
            """
            trace  domain  range        instances  kernels  kernels_per_instance  gpu_ns
            c      ''      step         1          3        3                     4 + 6 + 10
            c      ''      backward     1          2        2                     6 + 10
            c      ''      handed over  1          2        2                     6 + 10
            c      ''      idle         1          0        0                     0
            """
        ),
    ),
    Case(
        "ranges that cross hold every call inside them, and those without text are of one kind",
        traces={
            "x": Recording()
            .range("left", 0, 10)
            .range(None, 5, 20, domain="lib")
            .range(None, 30, 31, domain="lib")
            .call(LAUNCH, 1, 2, kernel("k", 10, 11))
            .call(LAUNCH, 6, 7, kernel("k", 20, 22))
            .call(LAUNCH, 12, 13, kernel("k", 30, 34))
        },
        expected=across(
            """
            trace  domain  range  instances  kernels  kernels_per_instance  gpu_ns
            x      ''      left   1          2        2                     1 + 2
            x      lib     NULL   2          2        1                     2 + 4
            """
        ),
    ),
    Case(
        "traces of one tag are added up; where one does not tell how often a range ran, nobody knows",
        traces={
            "a": Recording(run="x").range("step", 0, 10).range("mask", 2, 8).launch(3, 4, (10, 20)),
            "b": Recording(run="x").range("mask", 2, 8).launch(3, 4, (10, 40)),
            "c": Profile(tags={"run": "x"}).kernel("k", "step", ns=5).kernel("k", "step", ns=6),
        },
        params={"by": "tag:run"},
        expected=across(
            """
            trace  domain  range  instances  kernels  kernels_per_instance  gpu_ns
            x      ''      step   NULL       1 + 2    NULL                  10 + 5 + 6
            x      ''      mask   2          2        1                     10 + 30
            """
        ),
    ),
    Case(
        "of traces of one tag, those count for an instance in which kernels were recorded",
        traces={
            "a": Recording(run="x").range("step", 0, 10).launch(3, 4, (10, 20)),
            "b": Recording(run="x").range("step", 0, 10).range("step", 20, 30),
        },
        params={"by": "tag:run"},
        expected=across(
            """
            trace  domain  range  instances  kernels  kernels_per_instance  gpu_ns
            x      ''      step   3          1        1                     10
            """
        ),
    ),
]
