"""Cases of step_work: kinds of work by the text of steps."""

from made.case import Case, across
from made.nsys import Recording, kernel


def steps() -> Recording:
    """A prefill, and two steps that decode."""
    launch = "cudaLaunchKernel_v7000"
    return (
        Recording()
        .range("execute_context_2(8)_generation_0(0)", 0, 50)
        .call(
            launch,
            1,
            2,
            kernel("gemm", 100, 160),
            kernel("flash_fwd", 160, 180),
            kernel("rms_norm", 180, 200),
        )
        .range("execute_context_0(0)_generation_4(4)", 200, 250)
        .call(launch, 201, 202, kernel("gemm", 300, 320), kernel("flash_fwd", 320, 330))
        .range("execute_context_0(0)_generation_4(4)", 250, 300)
        .call(launch, 251, 252, kernel("fused_moe", 330, 360), kernel("flash_fwd", 360, 370))
    )


CASES = [
    Case(
        "of steps of one text together, those with most work first, and of one step",
        traces={"a": steps()},
        expected=across(
            """
            trace  range                                 steps  category   kernels  gpu_ns  avg_gpu_ns  share_pct
            a      execute_context_2(8)_generation_0(0)  1      gemm       1        60      60          60
            a      execute_context_2(8)_generation_0(0)  1      attention  1        20      20          20
            a      execute_context_2(8)_generation_0(0)  1      norm       1        20      20          20
            a      execute_context_0(0)_generation_4(4)  2      moe        1        30      15          3000/70
            a      execute_context_0(0)_generation_4(4)  2      attention  2        20      10          2000/70
            a      execute_context_0(0)_generation_4(4)  2      gemm       1        20      10          2000/70
            """
        ),
    ),
]
