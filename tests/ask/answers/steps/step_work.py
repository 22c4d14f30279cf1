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


def warming() -> Recording:
    """Steps of which the first one tries out two products."""
    launch = "cudaLaunchKernel_v7000"
    return (
        Recording()
        .range("step 0", 0, 100)
        .call(launch, 1, 2, kernel("gemm_a", 10, 40), kernel("gemm_b", 50, 60))
        .range("step 1", 200, 230)
        .call(launch, 201, 202, kernel("gemm_b", 210, 220), kernel("flash_fwd", 220, 222))
        .range("step 2", 300, 330)
        .call(launch, 301, 302, kernel("gemm_b", 310, 320))
    )


CASES = [
    Case(
        "of steps of one text together, those with most work first, and of one step",
        traces={"a": steps()},
        expected=across(
            """
            trace  range                                 steps  warm_up_steps  category   kernels  gpu_ns  avg_gpu_ns  share_pct
            a      execute_context_2(8)_generation_0(0)  1      0              gemm       1        60      60          60
            a      execute_context_2(8)_generation_0(0)  1      0              attention  1        20      20          20
            a      execute_context_2(8)_generation_0(0)  1      0              norm       1        20      20          20
            a      execute_context_0(0)_generation_4(4)  2      0              moe        1        30      15          3000/70
            a      execute_context_0(0)_generation_4(4)  2      0              attention  2        20      10          2000/70
            a      execute_context_0(0)_generation_4(4)  2      0              gemm       1        20      10          2000/70
            """
        ),
    ),
    Case(
        "the first steps that are warm-up are counted apart, and what they run is in no number",
        traces={"a": warming()},
        expected=across(
            """
            trace  range   steps  warm_up_steps  category   kernels  gpu_ns  avg_gpu_ns  share_pct
            a      step *  2      1              gemm       2        20      10          2000/22
            a      step *  2      1              attention  1        2       1           200/22
            """
        ),
    ),
    Case(
        "they are steps as others, if asked so",
        traces={"a": warming()},
        params={"warm_up": True},
        expected=across(
            """
            trace  range   steps  warm_up_steps  category   kernels  gpu_ns  avg_gpu_ns  share_pct
            a      step *  3      0              gemm       4        60      20          6000/62
            a      step *  3      0              attention  1        2       2/3         200/62
            """
        ),
    ),
]
