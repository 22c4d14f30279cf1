from __future__ import annotations

from typing import TYPE_CHECKING

from made.case import Case, across
from made.ncu import Profile

if TYPE_CHECKING:
    from made.ncu import Value


def pipes(tensor: float, fma: float) -> dict[str, Value]:
    """In how many of the cycles they work."""
    return {
        "sm__pipe_tensor_op_hmma_cycles_active.avg.pct_of_peak_sustained_active": tensor,
        "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active": tensor / 2,
        "sm__pipe_fma_cycles_active.avg.pct_of_peak_sustained_active": fma,
    }


def profiled(gpu: str) -> Profile:
    """A product on either kind of cores, one that does neither much, and arithmetic that is no product."""
    return (
        Profile()
        .gpu(gpu)
        .kernel("ampere_sgemm", "step", ns=200, metrics=pipes(0.5, 80))
        .kernel("ampere_sgemm", "step/mlp", ns=400, metrics=pipes(0.5, 65))
        .kernel("ampere_sgemm", ns=200, metrics=pipes(0.5, 70))
        .kernel("nvjet_gemm", ns=100, metrics=pipes(90, 5))
        .kernel("waiting_gemm", ns=50, metrics=pipes(0, 19))
        .kernel("copy", ns=50, metrics=pipes(0, 70))
    )


def partly_measured() -> Profile:
    """Products of which nothing is known, the CUDA cores only, the tensor cores only; busy ones need no more."""
    tensor, _, fma = ({name: value} for name, value in pipes(0.5, 80).items())
    (busy, _) = ({name: value} for name, value in list(pipes(90, 0).items())[:2])
    return (
        Profile()
        .gpu("NVIDIA H100 80GB HBM3")
        .kernel("a_gemm", ns=100)
        .kernel("b_gemm", ns=100, metrics=fma)
        .kernel("c_gemm", ns=100, metrics=tensor)
        .kernel("d_gemm", ns=100, metrics=busy)
        # Less than a percent of the time.
        .kernel("e_gemm", ns=3)
        .kernel("copy", ns=100)
    )


CASES = [
    Case(
        "a product is told whose tensor cores do next to nothing while the CUDA cores multiply, if the GPU has both",
        traces={"a": profiled("NVIDIA H100 80GB HBM3"), "older": profiled("Tesla P100-PCIE-16GB")},
        expected=across(
            """
            trace  code               severity  saving_ns  saving_pct  numbers                                                                                                         texts                   range     start_ns  end_ns
            # (200 · 80 + 400 · 65 + 200 · 70) / 800; 800 less 800 · 66.9 / 989.4.
            a      idle_tensor_cores  high      746        74.6        {gpu_ns: 800.0, cuda_pct: 70.0, tensor_pct: 0.5, times_faster: 14.789237668161435, launch: 2.0, launches: 3.0}  {kernel: ampere_sgemm}  step/mlp  NULL      NULL
            """
        ),
    ),
    Case(
        "of products whose pipes were not measured nobody can tell, and nothing is missed of what is none",
        traces={
            "a": partly_measured(),
            "copies": Profile().gpu("NVIDIA H100 80GB HBM3").kernel("copy", ns=5),
            "older": Profile().gpu("Tesla P100-PCIE-16GB").kernel("a_gemm", ns=5),
        },
        expected=across(
            """
            trace  code        severity  saving_ns  saving_pct  numbers          texts  range  start_ns  end_ns
            # a, b and c.
            a      unmeasured  NULL      NULL       NULL        {products: 3.0}  []     NULL   NULL      NULL
            """
        ),
    ),
]
