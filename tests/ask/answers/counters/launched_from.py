"""Cases of launched_from: places that launch a kernel, by their stacks, with launches and time."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

LACKS = "stacks of calls (--call-stack)"

MLP = ("forward", "/src/mlp.py", 7, None)
STEP = ("step", "/src/train.py", 20, None)
LAUNCH = ("launch", None, None, "/lib/libtorch.so")
MAIN = ("main", "/src/main.cpp", None, "/bin/app")

LAUNCHED = (
    Profile()
    .kernel("gemm", ns=10)
    .stack("python", MLP, STEP)
    .stack("native", LAUNCH, (None, None, None, "/lib/libc.so.6"))
    .kernel("gemm", ns=30)
    .stack("native", LAUNCH, (None, None, None, "/lib/libc.so.6"))
    .stack("python", MLP, STEP)
    .kernel("gemm", ns=20)
    .stack("native", LAUNCH, MAIN)
    .kernel("copy", ns=15)
    .stack("python", STEP)
    .kernel("gemm", ns=25)
)

CASES = [
    Case(
        "launches of a place together; what has no stack, or of one kind only, says so",
        traces={"a": LAUNCHED},
        expected=across(
            f"""
            trace  kernel  kernels  gpu_ns  share_pct  python_stack                                   native_stack                                         lacks
            a      gemm    2        40      40         forward in /src/mlp.py:7 < step in /src/train.py:20  launch in /lib/libtorch.so < /lib/libc.so.6          NULL
            a      gemm    1        25      25         NULL                                           NULL                                                 {LACKS}
            a      gemm    1        20      20         NULL                                           launch in /lib/libtorch.so < main in /src/main.cpp   NULL
            a      copy    1        15      15         step in /src/train.py:20                          NULL                                                 NULL
            """
        ),
    ),
    Case(
        "one frame makes the places alike; of one kernel, the first rows of each trace, without times too",
        traces={
            "a": LAUNCHED,
            "b": Profile().kernel("gemm").stack("native", MAIN).kernel("gemm").stack("native", LAUNCH),
        },
        params={"kernel": "gemm", "frames": 1, "limit": 1},
        expected=across(
            """
            trace  kernel  kernels  gpu_ns  share_pct  python_stack            native_stack                lacks
            a      gemm    2        40      40         forward in /src/mlp.py:7  launch in /lib/libtorch.so  NULL
            b      gemm    1        NULL    NULL       NULL                    launch in /lib/libtorch.so  NULL
            """
        ),
    ),
]
