from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, copy, kernel

LAUNCH = "cudaLaunchKernel_v7000"
MODULE = "&lt;module&gt;@/x/train.py:30"

CALLED = {
    "a": Recording()
    .call(LAUNCH, 0, 10, kernel("k", 20, 50))
    .called_from("cudaLaunchKernel@/lib/libcudart.so", "main@/bin/app", python=("step@/x/train.py:7", MODULE))
    .call(LAUNCH, 100, 130, kernel("k", 130, 140), kernel("l", 140, 145))
    .called_from("cudaLaunchKernel@/lib/libcudart.so", "main@/bin/app", python=("step@/x/train.py:7", MODULE))
    # Without a native stack the mark is at the call's own start.
    .call("cudaMemcpy_v3020", 200, 260, copy("Host-to-Device", 210, 250, 8))
    .called_from(python=("load@/x/data.py:3", MODULE))
    .call("cudaDeviceSynchronize_v3020", 300, 400),
}

CASES = [
    Case(
        "calls from one place add up; those without a stack of Python count in the whole alone",
        traces=CALLED,
        expected=across(
            """
            trace  function          calls  total_ns  share_pct  max_ns  gpu_ns   python_stack
            a      cudaMemcpy        1      60        30         60      40       load in /x/data.py:3 < <module> in /x/train.py:30
            a      cudaLaunchKernel  2      10 + 30   20         30      30 + 15  step in /x/train.py:7 < <module> in /x/train.py:30
            """
        ),
    ),
    Case(
        "of one function, by the innermost frame",
        traces=CALLED,
        params={"function": "cudaLaunch*", "frames": 1, "limit": 1},
        expected=across(
            """
            trace  function          calls  total_ns  share_pct  max_ns  gpu_ns  python_stack
            a      cudaLaunchKernel  2      40        20         30      45      step in /x/train.py:7
            """
        ),
    ),
]
