from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"
DRIVER, RUNTIME = "@/lib/libcuda.so.1", "cudaLaunchKernel@/lib/libcudart.so.13"

LAUNCHED = {
    "a": Recording()
    .call(LAUNCH, 5, 10, kernel("add", 20, 50), kernel("add", 50, 60))
    .called_from(DRIVER, RUNTIME, "at::add@/lib/libtorch.so", "main@/bin/app", python=("step@/x/train.py:7",))
    .call(LAUNCH, 100, 130, kernel("add", 130, 140))
    .called_from(DRIVER, RUNTIME, "at::add@/lib/libtorch.so", "main@/bin/app", python=("step@/x/train.py:7",))
    .call(LAUNCH, 200, 210, kernel("add", 220, 230))
    .called_from(RUNTIME, "@/lib/libtorch.so", "main@/bin/app")
    .call(LAUNCH, 300, 310, kernel("mul", 320, 360)),
}

CASES = [
    Case(
        "frames of CUDA are left out; a launch of two kernels is one; without a stack it is said what records it",
        traces=LAUNCHED,
        expected=across(
            """
            trace  kernel  kernels  launches  gpu_ns   share_pct  python_stack           native_stack          lacks
            a      add     3        2         40 + 10  50         step in /x/train.py:7  at::add < main        NULL
            a      mul     1        1         40       40         NULL                   NULL                  stack of calls (--cudabacktrace=all, of Python --python-backtrace=cuda)
            a      add     1        1         10       10         NULL                   [libtorch.so] < main  NULL
            """
        ),
    ),
    Case(
        "what ncu profiled has its stacks elsewhere, and no rows here",
        traces={**LAUNCHED, "b": Profile().gpu("NVIDIA H200").kernel("add", ns=10)},
        params={"limit": 1},
        expected=across(
            """
            trace  kernel  kernels  launches  gpu_ns  share_pct  python_stack  native_stack  lacks
            a      add     3        2         40 + 10  50        step in /x/train.py:7  at::add < main  NULL
            """
        ),
    ),
    Case(
        "of one kernel, by the innermost frame alone",
        traces=LAUNCHED,
        params={"kernel": "add", "frames": 1, "limit": 1},
        expected=across(
            """
            trace  kernel  kernels  launches  gpu_ns  share_pct  python_stack           native_stack  lacks
            a      add     3        2         50      50         step in /x/train.py:7  at::add       NULL
            """
        ),
    ),
    Case(
        "programs and libraries that are called cuda are not CUDA",
        traces={
            "a": Recording()
            .call(LAUNCH, 5, 10, kernel("add", 20, 50))
            .called_from(DRIVER, RUNTIME, "solve@/lib/libcudasolve.so", "main@/bin/cuda_solver")
            .call(LAUNCH, 15, 20, kernel("mul", 50, 60))
            .called_from(
                "@C:\\Windows\\System32\\nvcuda64.dll",
                "@C:\\app\\cudart64_12.dll",
                "main@C:\\app\\cudatest.exe",
            )
        },
        expected=across(
            """
            trace  kernel  kernels  launches  gpu_ns  share_pct  python_stack  native_stack  lacks
            a      add     1        1         30      75         NULL          solve < main  NULL
            a      mul     1        1         10      25         NULL          main          NULL
            """
        ),
    ),
    Case(
        "a stack of CUDA's frames alone was recorded, and tells nothing",
        traces={"a": Recording().call(LAUNCH, 5, 10, kernel("add", 20, 50)).called_from(DRIVER, RUNTIME)},
        expected=across(
            """
            trace  kernel  kernels  launches  gpu_ns  share_pct  python_stack  native_stack  lacks
            a      add     1        1         30      100        NULL          NULL          NULL
            """
        ),
    ),
]
