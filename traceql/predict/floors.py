"""What theory says before a run: FLOP, bytes, arithmetic intensity, which roof binds, the floor of the time.

Every floor is the roofline's (Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4),
2009): time ≥ max(FLOP ÷ peak FLOP/s, bytes ÷ DRAM bytes/s). It counts each byte once, as if caches were
perfect, and no launch overhead: measured times lie above it. A measured time below it means that something
else was measured (work that a cache spared, for example), never that the hardware was faster.

A GEMM of m × k by k × n is 2·m·n·k FLOP (NVIDIA, "Matrix Multiplication Background User's Guide").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.errors import PredictionError
from traceql.predict.hardware import element_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceql.predict.hardware import Gpu


@dataclass(frozen=True)
class Step:
    """Some work on a GPU and its floor.

    Attributes:
        part: what it is.
        flop: floating-point operations.
        dram_bytes: read from and written to DRAM.
        bound: the roof that binds: compute or memory; of a sum, the one with the larger share of the time.
        floor_s: no GPU of that kind is faster, in seconds.
        precision: what it is computed in; None of a sum over several.
        ridge_batch: rows (sequences, or tokens of prompts) from which the weights of the step are
            compute-bound; None of steps that are not about weights. See `ridge_batch`.
    """

    part: str
    flop: float
    dram_bytes: float
    bound: str
    floor_s: float
    precision: str | None = None
    ridge_batch: float | None = None

    @property
    def flop_per_byte(self) -> float | None:
        """Arithmetic intensity; None where nothing is moved."""
        return self.flop / self.dram_bytes if self.dram_bytes else None


def step(part: str, flop: float, dram_bytes: float, gpu: Gpu, precision: str) -> Step:
    """The roofline floor of some work: max(FLOP ÷ peak, bytes ÷ DRAM bandwidth).

    Raises:
        PredictionError: the GPU has no peak in that precision.
    """
    compute_s = flop / gpu.peak(precision)
    memory_s = dram_bytes / gpu.memory_bandwidth_bytes_per_s
    bound = "compute" if compute_s > memory_s else "memory"
    return Step(part, flop, dram_bytes, bound, max(compute_s, memory_s), precision)


def total(part: str, steps: Sequence[Step]) -> Step:
    """Steps one after another: everything adds up."""
    seconds = {"memory": 0.0, "compute": 0.0}
    for one in steps:
        seconds[one.bound] += one.floor_s
    precisions = {s.precision for s in steps}
    return Step(
        part,
        sum(s.flop for s in steps),
        sum(s.dram_bytes for s in steps),
        max(seconds, key=lambda bound: seconds[bound]),
        sum(s.floor_s for s in steps),
        precisions.pop() if len(precisions) == 1 else None,
    )


def ridge_batch(gpu: Gpu, precision: str, bytes_per_weight: float) -> float:
    """Rows from which multiplying by weights is compute-bound: ridge point × bytes per weight ÷ 2.

    Every weight is read once, for 2 FLOP per row. The ridge point alone is that number for weights of two
    bytes only.

    >>> from traceql.predict.hardware import find
    >>> h200 = find("H200")
    >>> [round(ridge_batch(h200, *types)) for types in (("bf16", 2), ("fp8", 1), ("bf16", 0.5))]
    [206, 206, 52]

    Raises:
        PredictionError: the GPU has no peak in that precision.
    """
    return gpu.ridge_flop_per_byte(precision) * bytes_per_weight / 2


def positive(**numbers: float) -> None:
    """Raise a PredictionError that names the first number that is not positive."""
    for name, value in numbers.items():
        if not value > 0:
            raise PredictionError(f"{name.replace('_', ' ')} is {value}", "It must be positive.")


def linear(in_features: int, out_features: int, batch: int, gpu: Gpu, precision: str = "bf16") -> Step:
    """``nn.Linear(in_features, out_features)`` on `batch` rows, without bias.

    FLOP = 2·B·in·out; bytes = element size × (in·out + B·in + B·out): weights and inputs read, outputs
    written once (NVIDIA, "Matrix Multiplication Background User's Guide", chapter 2).

    Raises:
        PredictionError: a dimension is not positive, or the GPU has no peak in that precision.
    """
    positive(in_features=in_features, out_features=out_features, batch=batch)
    elements = in_features * out_features + batch * (in_features + out_features)
    flop = 2 * batch * in_features * out_features
    return step("linear", flop, elements * element_bytes(precision), gpu, precision)


def elementwise(part: str, elements: int, gpu: Gpu, precision: str = "bf16") -> Step:
    """An operation that reads and writes each element once and does one FLOP with it, such as a ReLU.

    Its intensity is 1 ÷ (2 × element size), 0.25 FLOP/byte in bf16: memory-bound on every GPU. The arithmetic
    runs on the CUDA cores in fp32 (NVIDIA, "Memory-Limited Layers User's Guide").
    """
    positive(elements=elements)
    return step(part, elements, 2 * elements * element_bytes(precision), gpu, "fp32")


def linear_relu(
    in_features: int, out_features: int, batch: int, gpu: Gpu, precision: str = "bf16"
) -> tuple[Step, ...]:
    """A linear layer and a ReLU: each alone, one after the other, fused, and what fusing saves.

    Fused, the ReLU is applied before the output leaves the chip, so that its own reading and writing,
    2·B·out elements, falls away. Where the output fits into L2 the unfused pair moves less than that, and
    fusing saves mostly the launch.
    """
    gemm = linear(in_features, out_features, batch, gpu, precision)
    relu = elementwise("relu", batch * out_features, gpu, precision)
    apart = total("linear, then relu", (gemm, relu))
    # The ReLU's arithmetic hides behind the tensor cores' and the memory's work.
    fused = Step("linear with relu fused", apart.flop, gemm.dram_bytes, gemm.bound, gemm.floor_s, precision)
    saved = Step(
        "saved by fusing", 0, relu.dram_bytes, "memory", apart.floor_s - fused.floor_s, relu.precision
    )
    return gemm, relu, apart, fused, saved
