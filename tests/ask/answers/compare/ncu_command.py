"""Cases of ncu_command: which launches come before the one that is asked for."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel

LAUNCH = "cudaLaunchKernel_v7000"

# Launches 1 to 5 of gemm; the third and fifth are the second of their names in a range.
TRACE = (
    Recording()
    .range("step", 0, 30)
    .call(LAUNCH, 1, 2, kernel("gemm", 10, 20))
    .call(LAUNCH, 3, 4, kernel("norm", 20, 25))
    .range("mlp", 5, 20)
    .call(LAUNCH, 6, 7, kernel("gemm", 30, 45))
    .call(LAUNCH, 8, 9, kernel("gemm", 50, 55))
    .range("step", 40, 90)
    .call(LAUNCH, 41, 42, kernel("gemm", 60, 62))
    .call(LAUNCH, 95, 96, kernel("gemm", 100, 103))
)
REST = "--target-processes=all --clock-control=none"

CASES = [
    Case(
        "the longest launch, within its innermost range",
        traces={"t": TRACE},
        params={"kernel": "gemm"},
        expected=across(
            f"""
            trace  kernel  kernel_id  launch  launches  start_ns  duration_ns  domain  range  skipped  caution  command
            t      gemm    3          2       5         30        15           ''      mlp    0        ''      ncu --set=full --nvtx --nvtx-include=mlp/ --kernel-name=gemm --launch-skip=0 --launch-count=1 {REST} --export=gemm_2 PROGRAM
            """
        ),
    ),
    Case(
        "one by its number: in every range of that name, and in those within them, launches come before it",
        traces={"t": TRACE},
        params={"kernel": "gemm", "launch": 4, "set": "roofline"},
        expected=across(
            f"""
            trace  kernel  kernel_id  launch  launches  start_ns  duration_ns  domain  range  skipped  caution  command
            t      gemm    5          4       5         60        2            ''      step   3        ''      ncu --set=roofline --nvtx --nvtx-include=step/ --kernel-name=gemm --launch-skip=3 --launch-count=1 {REST} --export=gemm_4 PROGRAM
            """
        ),
    ),
    Case(
        "outside any range all launches of the name count; a pattern numbers those of several names",
        traces={"t": TRACE},
        params={"kernel": "*m", "launch": 6},
        expected=across(
            f"""
            trace  kernel  kernel_id  launch  launches  start_ns  duration_ns  domain  range  skipped  caution  command
            t      gemm    6          6       6         100       3            NULL    NULL   4        ''      ncu --set=full --kernel-name=gemm --launch-skip=4 --launch-count=1 {REST} --export=gemm_6 PROGRAM
            """
        ),
    ),
    Case(
        "kernels of one function by their full names; several processes are counted together",
        traces={
            "t": Recording()
            .call(LAUNCH, 1, 2, kernel("k", 10, 20, full="void k<1>(int *)"))
            .call(LAUNCH, 3, 4, kernel("k", 20, 23, full="void k<2>(int *)"))
            .call(LAUNCH, 1, 2, kernel("k", 10, 30, full="void k<2>(int *)"), pid=2)
        },
        params={"kernel": "k<2>", "launch": 2},
        expected=across(
            f"""
            trace  kernel  kernel_id  launch  launches  start_ns  duration_ns  domain  range  skipped  caution  command
            t      k<2>    2          2       2         20        3            NULL    NULL   1        2 processes launch it, and ncu counts them together as they come  ncu --set=full --kernel-name-base=demangled '--kernel-name=void k<2>(int *)' --launch-skip=1 --launch-count=1 {REST} --export=k_2 PROGRAM
            """
        ),
    ),
    Case(
        "where several devices run it, on its own; without ranges, if so asked",
        traces={
            "t": Recording()
            .range("step", 0, 9)
            .call(LAUNCH, 1, 2, kernel("k", 10, 20, device=1))
            .call(LAUNCH, 3, 4, kernel("k", 20, 30, device=0))
            .call(LAUNCH, 5, 6, kernel("k", 30, 41, device=1))
        },
        params={"kernel": "k", "nvtx": False},
        expected=across(
            f"""
            trace  kernel  kernel_id  launch  launches  start_ns  duration_ns  domain  range  skipped  caution  command
            t      k       3          3       3         30        11           NULL    NULL   1        ''      ncu --set=full --kernel-name=k --devices=1 --launch-skip=1 --launch-count=1 {REST} --export=k_3 PROGRAM
            """
        ),
    ),
    Case(
        "where the device of one is not told, those of all are counted, as ncu does",
        traces={
            "t": Recording()
            .call(LAUNCH, 1, 2, kernel("k", 10, 20, device=1))
            .call(LAUNCH, 3, 4, kernel("k", 20, 30, device=None))
            .call(LAUNCH, 5, 6, kernel("k", 30, 41, device=0))
        },
        params={"kernel": "k"},
        expected=across(
            f"""
            trace  kernel  kernel_id  launch  launches  start_ns  duration_ns  domain  range  skipped  caution  command
            t      k       3          3       3         30        11           NULL    NULL   2        ''      ncu --set=full --kernel-name=k --launch-skip=2 --launch-count=1 {REST} --export=k_3 PROGRAM
            """
        ),
    ),
    Case(
        "a kernel that exchanges with other ranks waits for theirs, which ncu does not run",
        traces={
            "t": Recording()
            .call(LAUNCH, 1, 2, kernel("gemm", 10, 11))
            .call(LAUNCH, 3, 4, kernel("cross_device_reduce_1stage", 20, 25))
        },
        expected=across(
            f"""
            trace  kernel                      kernel_id  launch  launches  start_ns  duration_ns  domain  range  skipped  caution  command
            t      cross_device_reduce_1stage  2          2       2         20        5            NULL    NULL   0        it exchanges with other ranks: ncu runs it alone, over and over, and it waits for their kernels, which may not come  ncu --set=full --kernel-name=cross_device_reduce_1stage --launch-skip=0 --launch-count=1 {REST} --export=cross_device_reduce_1stage_2 PROGRAM
            """
        ),
    ),
]
