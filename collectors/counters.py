"""Which counters the collectors ask ncu for: few, for each kernel runs once per pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traceql.record import machine

if TYPE_CHECKING:
    from collections.abc import Sequence

# On compute capability 9.0. Names of other GPUs differ, so there the whole set of sections is recorded.
_INSTRUCTIONS = [f"{letter}{operation}" for letter in "dfh" for operation in ("add", "mul", "fma")]
_TENSOR_TYPES = ("bf16_dst_fp32", "fp16", "tf32_dst_fp32")

ROOFLINE_SM_90 = (
    "gpu__time_duration.sum",
    "sm__cycles_elapsed.avg.per_second",
    *(f"smsp__sass_thread_inst_executed_op_{name}_pred_on.sum" for name in _INSTRUCTIONS),
    *(f"sm__sass_thread_inst_executed_op_{letter}fma_pred_on.sum.peak_sustained" for letter in "dfh"),
    *(f"sm__ops_path_tensor_src_{types}.sum" for types in _TENSOR_TYPES),
    *(f"sm__ops_path_tensor_op_hgmma_src_{types}_sparsity_off.sum.peak_sustained" for types in _TENSOR_TYPES),
    "dram__bytes.sum",
    "dram__bytes_read.sum",
    "dram__bytes_write.sum",
    "dram__bytes.sum.peak_sustained",
    "dram__cycles_elapsed.avg.per_second",
    # What NVIDIA's roofline sections count at the caches: cycles in which L2 returned 32 bytes, and L1 128.
    "lts__lts2xbar_cycles_active.sum",
    "lts__lts2xbar_cycles_active.sum.peak_sustained",
    "lts__cycles_elapsed.avg.per_second",
    "l1tex__lsu_writeback_active_mem_lgds.sum",
    "l1tex__lsu_writeback_active_mem_lgds.sum.peak_sustained",
    "l1tex__cycles_elapsed.avg.per_second",
)

#: What the guide on speculative decoding compares: traffic, time, parallelism.
TRAFFIC = (
    "dram__bytes_read.sum",
    "dram__bytes_write.sum",
    "lts__t_sectors_op_write.sum",
    "lts__t_sectors_op_read.sum",
    "lts__t_bytes.sum",
    "gpu__time_duration.sum",
    "sm__warps_launched.sum",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed",
)


#: How full the SMs were and could have been at most.
OCCUPANCY = (
    "sm__warps_active.avg.pct_of_peak_sustained_active",
    "sm__maximum_warps_per_active_cycle_pct",
)


def roofline(more: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments of `commands.ncu_command` for a roofline on the GPU at hand; without one, on a Hopper.

    Args:
        more: metrics beside those of the roofline.
    """
    capabilities = {str(gpu.get("compute_capability")) for gpu in machine.gpus()}
    if capabilities <= {"9.0"}:
        return {"metrics": (*ROOFLINE_SM_90, *more)}
    return {"section_set": "roofline", **({"metrics": tuple(more)} if more else {})}
