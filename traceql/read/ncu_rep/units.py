"""Units of metrics, by name: a report does not hold them, the tool knows them.

NVIDIA names a counter ``unit__quantity_qualifiers`` and puts how it was rolled up behind a point
(``lts__t_sectors_op_read.sum.per_second``; Kernel Profiling Guide, "Metrics Structure"). So what is told here
is the unit of a counter, by its whole name or by its quantity, and what the ending makes of it. All of it was
compared with what NVIDIA's library says about the reports at hand, or (some counters that are in none of
them) about a report that was made to hold them. Any other counter has no unit here (None), which is not the
same as being a plain number ("").
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# Where samples over time and breakdowns put the name of the counter.
_PREFIX: Final = re.compile(r"(?:\w+\.TriageCompute\.|pmsampling:|breakdown:)")
_ROLLED_UP: Final = re.compile(r"\.(?:avg|max|min|sum)\b")
# What is a share of something, whatever was counted: the ending says so.
_SHARE: Final = re.compile(r"\.pct|\|pct\|")

# Unit → counters that no quantity below covers, or that contradict it.
_COUNTERS: Final = {
    "": """
        c2clink__enabled_mask c2clink__present
        derived__l1tex__lsu_writeback_bytes_mem_lg derived__l1tex__lsu_writeback_bytes_mem_lgds
        derived__local_spilling_requests derived__memory_l1_conflicts_shared_nway
        derived__memory_l1_wavefronts_shared_excessive derived__pct_occupancy_per_barrier_count
        derived__sm__inst_executed_pipe_tensor_x512 derived__smsp__inst_executed_pipe_tensor_x512
        gcc__xbar2gcc_sectors gpc__cgas_active_realtime gpc__cgas_launched
        gr__workids_granted gr__workids_requested
        launch__barrier_count launch__block_size launch__cluster_dim_x launch__cluster_dim_y
        launch__cluster_dim_z launch__cluster_scheduling_policy launch__cluster_size
        launch__context_id launch__device_id launch__execution_model launch__func_cache_config
        launch__function_pcs launch__graph_contains_device_launch launch__graph_exec_cuda_id
        launch__graph_is_device_launchable launch__graph_src_cuda_id launch__green_context_id
        launch__grid_dim_x launch__grid_dim_y launch__grid_dim_z launch__grid_size launch__kernel_name
        launch__occupancy_per_barrier_count launch__occupancy_per_block_size
        launch__occupancy_per_cluster_size launch__occupancy_per_register_count
        launch__occupancy_per_shared_mem_size launch__preferred_cluster_dim_x
        launch__preferred_cluster_dim_y launch__preferred_cluster_dim_z launch__preferred_cluster_size
        launch__preferred_cluster_x launch__preferred_cluster_y launch__preferred_cluster_z
        launch__stack_size launch__stream_id launch__sub_launch_name launch__tpc_count
        launch__tpc_enabled launch__user_grid_dim_x launch__user_grid_dim_y launch__user_grid_dim_z
        launch__user_grid_size launch__uses_blocks_as_clusters launch__uses_cdp
        launch__uses_green_context launch__uses_mps launch__uses_nvlink_centric_scheduling
        launch__uses_vgpu launch__waves_per_multiprocessor launch__work_queue_concurrency_limit
        launch__work_queue_resource_id launch__work_queue_sharing_scope
        lrc__average_ilc_input_sector_compression_rate lrc__average_xbar2gpc_sectors_op_read
        lts__average_gcomp_output_sector_compression_achieved_rate
        memory_access_size_type memory_access_type memory_type
        numa__cpu_affinity numa__dev_display_name_all numa__id_cpu numa__id_memory
        nvlink__bandwidth nvlink__count_logical nvlink__count_physical nvlink__destination_ports
        nvlink__dev0Id nvlink__dev0type nvlink__dev1Id nvlink__dev1type nvlink__dev_display_name_all
        nvlink__enabled_mask nvlink__is_direct_link nvlink__is_nvswitch_connected nvlink__max_count
        nvlink__peer_access nvlink__peer_atomic nvlink__source_ports nvlink__system_access
        nvlink__system_atomic nvlink__uuidDev0 nvlink__uuidDev1
        profiler__perfworks_session_reuse profiler__pmsampler_pass_groups
        sass__inst_executed_per_opcode sass__inst_executed_per_opcode_category
        sass__inst_executed_per_opcode_with_modifier_all
        sass__inst_executed_per_opcode_with_modifier_selective
        sass__thread_inst_executed_per_opcode_category sass__thread_inst_executed_true_per_opcode
        sass__thread_inst_executed_true_per_opcode_with_modifier_all
        sass__thread_inst_executed_true_per_opcode_with_modifier_selective
        smsp__pcsamp_interval smsp__pcsamp_sample_count
        smsp__sass_inst_executed_memdesc_explicit_evict_type
        smsp__sass_l1tex_data_pipe_lsu_wavefronts_mem_shared_op_ldgsts
        smsp__sass_l1tex_data_pipe_lsu_wavefronts_mem_shared_op_ldgsts_cache_access
        smsp__thread_inst_executed_per_inst_executed
        smsp__thread_inst_executed_pred_on_per_inst_executed
        syslrc__average_xbar2gpc_sectors_op_read
    """,
    "%": """
        derived__local_spilling_requests_pct derived__pct_occupancy_per_block_size
        derived__smsp__inst_executed_op_branch_pct launch__occupancy_cluster_gpu_pct
        launch__occupancy_cluster_pct sm__maximum_warps_per_active_cycle_pct
    """,
    "%/byte": "derived__pct_occupancy_per_shared_mem_size",
    "%/register": "derived__pct_occupancy_per_register_count",
    "SM": "launch__sm_count",
    "block": """
        gr__ctas_launched_realtime gr__workids_granted_as_ctas launch__cluster_max_potential_size
        sm__ctas_active sm__ctas_launched
    """,
    "branches": """
        smsp__branch_inst_executed smsp__branch_targets_threads_divergent
        smsp__branch_targets_threads_uniform smsp__sass_branch_targets
        smsp__sass_branch_targets_threads_uniform smsp__pcsamp_warps_issue_stalled_branch_resolving
        smsp__pcsamp_warps_issue_stalled_branch_resolving_not_issued
        smsp__sass_branch_targets_threads_divergent
    """,
    "byte": """
        fbpa__dram_read_bytes fbpa__dram_write_bytes launch__local_mem_size launch__persisting_l2_cache_size
        launch__shared_mem_config_size
        profiler__pmsampler_buffer_size_bytes profiler__replayer_bytes_mem_accessible
        profiler__replayer_bytes_mem_backed_up smsp__pcsamp_buffer_size_bytes smsp__pcsamp_dropped_bytes
    """,
    "cluster": "launch__cluster_max_active",
    "cycle": """
        fe__cycles_elapsed gpu__cycles_active gpu__cycles_elapsed gpu__engine_cycles_active_any
        idc__request_cycles_active l1tex__m_l1tex2xbar_req_cycles_active mcc__cycles_elapsed
        smsp__issue_active smsp__issue_inst0 smsp__issue_inst1 sys__cycles_elapsed
        l1tex__lsu_writeback_active_mem_lg l1tex__lsu_writeback_active_mem_lgds l1tex__tex_writeback_active
        lts__lts2xbar_cycles_active profiler__pmsampler_interval_cycles sm__dcc_requests
        sm__dcc_requests_lookup_hit sm__icc_requests smsp__average_warp_latency_per_inst_issued
        smsp__average_warps_active_per_inst_executed smsp__imc_requests smsp__pcsamp_interval_cycles
    """,
    "inst": """
        inst_executed thread_inst_executed thread_inst_executed_true
        smsp__pcsamp_warps_issue_stalled_no_instructions
        smsp__pcsamp_warps_issue_stalled_no_instructions_not_issued
    """,
    "ns": "gpu__time_active gpu__time_duration profiler__pmsampler_interval_time",
    "packet": "nvlrx__packets nvltx__packets",
    "pass": "profiler__replayer_passes profiler__replayer_passes_type_warmup smsp__pcsamp_aggregated_passes",
    "register/thread": "launch__registers_per_thread launch__registers_per_thread_allocated",
    "request": "idc__requests idc__requests_lookup_hit idc__requests_lookup_miss",
    "sample": "profiler__pmsampler_dropped_samples profiler__pmsampler_merged_samples",
    "sectors": """
        memory_l1_tag_requests_global memory_l1_wavefronts_shared memory_l1_wavefronts_shared_ideal
        memory_l2_theoretical_sectors_global memory_l2_theoretical_sectors_global_ideal
        memory_l2_theoretical_sectors_local
    """,
    "tag": "lts__t_tag_requests lts__t_tag_requests_hit lts__t_tag_requests_miss",
    "thread": """
        sm__threads_launched smsp__threads_launched
        derived__avg_thread_executed derived__avg_thread_executed_true derived__avg_thread_unexecuted_true
        derived__derivative_avg_thread_executed_true launch__thread_count
    """,
    "warp": """
        sm__maximum_warps_avg_per_active_cycle sm__warps_active sm__warps_launched
        smsp__maximum_warps_avg_per_active_cycle smsp__warps_active smsp__warps_eligible
        smsp__warps_launched
    """,
}

# Quantity → unit, whatever qualifies it. Ordered; the first that fits counts.
_QUANTITIES: Final = (
    (r"device__attribute_\w+|group:\w+|derived_tempMetric\d+|sm__ops_path_tensor_\w+", ""),
    (r"profiler__(?:pmsampler_ctxsw|timestamp_workload_(?:start|end))_\d+", ""),
    (r"l1tex__\w*(?:wavefronts|requests|bank_conflicts|bank_reads|bank_writes)\w*", ""),
    (r"sm__sass_l1tex_t_requests_\w+", ""),
    (r"(?:l1tex|lts|lrc|fbpa|dram|syslts|syslrc)__(?!average_)\w*sectors\w*", "sector"),
    (r"sm(?:sp)?__sass_l1tex_\w*_sectors_\w+", "sector"),
    (r"sm__sass_l1tex_\w*_bytes_\w+", "byte"),
    (r"(?:dram|l1tex|lts|nvlrx|nvltx|pcie|ctc)__\w*bytes\w*", "byte"),
    (r"smsp__mem_tensor_(?:reads|writes)_\w+", "byte"),
    (r"(?:lts__t|gcc__cache)_requests\w*", "request"),
    (r"sm(?:sp)?__(?:sass_)?(?:thread_)?inst_(?:executed|issued)\w*", "inst"),
    (r"sass__inst_executed\w+|smsp__average_warps_issue_stalled_\w+_per_issue_active", "inst"),
    (r"smsp__pcsamp_warps_issue_stalled_\w+", "warp"),
    (r"(?:dram|gpc|l1tex|lts|sm|smsp)__cycles_(?:active|elapsed)", "cycle"),
    (r"sm(?:sp)?__pipe_\w+_cycles_active\w*", "cycle"),
    (r"sm(?:sp)?__sass_data_bytes_mem_\w+", "byte"),
    (r"smsp__warps_issue_stalled_\w+", "warp"),
    (r"launch__occupancy_limit_\w+|launch__block_dim_[xyz]", "block"),
    (r"launch__shared_mem_per_block\w*", "byte/block"),
    (r"smsp__sass_average_data_bytes_per_sector_\w+", "byte/sector"),
)

# Sums that the tool derives (they have no value) are in bytes where their parts were not collected, or where
# a launch has bytes and nothing was sampled over time.
_SPILLS: Final = re.compile(r"sass__inst_executed_register_spilling_mem_(?:local|shared)")
_PART_OF_SPILLS: Final = "sass__inst_executed_register_spilling"
_BYTES_OF_LAUNCHES: Final = "launch__shared_mem_config_size"
_BUFFER_OF_SAMPLES: Final = "profiler__pmsampler_buffer_size_bytes"

# Endings that the rules below do not explain: name without its rollup → unit.
_WHOLE_NAMES: Final = {
    "l1tex__data_pipe_lsu_wavefronts.peak_sustained_elapsed.per_second": "1/s",
    "derived__lts__lts2xbar_bytes.peak_sustained": "byte",
    "derived__lts__lts2xbar_bytes.per_second": "byte",
}

# Metrics that the tool derives have the first of these units that another metric brought up before them.
_DERIVED: Final = (
    (re.compile(r"derived__sm(?:sp)?__sass_thread_inst_executed_op_\w+_pred_on_x\d"), "thread", "inst"),
    (re.compile(r"derived__memory_l2_theoretical_sectors_global_excessive"), "sector", "byte"),
)

_EXACT: Final = {counter: unit for unit, counters in _COUNTERS.items() for counter in counters.split()}
_QUANTITY: Final = re.compile("|".join(f"({pattern})" for pattern, _ in _QUANTITIES))


def units(metrics: Iterable[str]) -> list[str | None]:
    """The unit of each metric; "" for plain numbers and texts, None for one that is not known here.

    Args:
        metrics: names in the order in which NVIDIA's library is asked for them: workload by workload, each in
            alphabetical order. Units of some derived metrics depend on it.

    >>> units(["dram__bytes_read.sum.per_second", "sm__cycles_elapsed.avg.per_second", "sm__magic.sum"])
    ['byte/s', 'hz', None]
    """
    found: list[str | None] = []
    seen: set[str | None] = set()
    decisive: set[str] = set()
    for metric in metrics:
        unit = _unit(metric, seen)
        if metric in (_PART_OF_SPILLS, _BYTES_OF_LAUNCHES, _BUFFER_OF_SAMPLES):
            decisive.add(metric)
        elif _SPILLS.fullmatch(metric) and (
            _PART_OF_SPILLS not in decisive
            or (_BYTES_OF_LAUNCHES in decisive and _BUFFER_OF_SAMPLES not in decisive)
        ):
            unit = "byte"
        seen.add(unit)
        found.append(unit)
    return found


def _unit(metric: str, seen: set[str | None]) -> str | None:
    if _SHARE.search(metric):
        return "%"
    if metric.startswith("derived__"):
        for pattern, after, fresh in _DERIVED:
            if pattern.fullmatch(metric):
                return after if after in seen else fresh
    name = _PREFIX.sub("", metric, count=1) if ":" in metric or ".Tri" in metric else metric
    name = _ROLLED_UP.sub("", name, count=1)
    if (unit := _WHOLE_NAMES.get(name)) is not None:
        return unit
    counter, _, ending = name.partition(".")
    unit = _of_counter(counter)
    return unit if unit is None else _rated(unit, ending)


@cache
def _of_counter(counter: str) -> str | None:
    """The unit of what is counted, which reports have with many endings."""
    if (unit := _EXACT.get(counter)) is not None:
        return unit
    found = _QUANTITY.fullmatch(counter)
    return None if found is None or found.lastindex is None else _QUANTITIES[found.lastindex - 1][1]


def _rated(unit: str, ending: str) -> str | None:
    """What the end of a name makes of its counter's unit; None for an ending that is not known."""
    if ending in ("", "ratio", "max_rate"):
        return unit
    if ending in ("per_second", "peak_sustained_elapsed.per_second"):
        return "hz" if unit == "cycle" else unit and f"{unit}/s"
    if ending in ("per_cycle_active", "per_cycle_elapsed", "peak_sustained"):
        # Warps in a cycle are those that are there in it, cycles in a cycle a plain number.
        return {"cycle": "", "warp": "warp", "": ""}.get(unit, f"{unit}/cycle")
    return None
