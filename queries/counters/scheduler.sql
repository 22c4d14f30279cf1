-- How often do the schedulers of an SM find a warp that can issue?
--
-- As on the pages "Scheduler Statistics" and "Compute Workload Analysis" of ncu, for each of an SM's
-- schedulers, per cycle in which it is active. Warps are eligible that are ready to issue their next
-- instruction; a cycle without any is lost. Of several workloads together it is the mean over their time. Up
-- to ncu 2024 issue slots were counted while SMs were active, since then all the time (sm__inst_issued of
-- active or elapsed cycles).
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @needs  metrics
-- @metrics smsp__issue_active.avg.per_cycle_active smsp__warps_eligible.avg.per_cycle_active
-- @ncu    --section SchedulerStats --section ComputeWorkloadAnalysis
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads
-- @column gpu_ns BIGINT               their time
-- @column issue_slots_busy_pct DOUBLE  cycles with an instruction issued, share of what an SM can issue
-- @column no_eligible_pct DOUBLE      cycles in which no warp could issue
-- @column theoretical_warps DOUBLE    warps that fit on a scheduler
-- @column active_warps DOUBLE         warps that were there
-- @column eligible_warps DOUBLE       of these, warps that could issue
-- @column issued_warps DOUBLE         warps that did
-- @column ipc DOUBLE                  instructions that an SM executed per cycle, all schedulers together
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @title  ipc Instructions per cycle
-- @chart  bars x=group_name y=no_eligible_pct
-- @section counters 58 Schedulers | drawn
-- @card   counters 50 Schedulers | first=no_eligible_pct,eligible_warps,ipc

WITH workloads AS (
    SELECT traces.trace, group_name, launch_id, group_key, kernels.kernel_id, kernels.duration_ns,
        workload = 'kernel' AS is_kernel
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
measured AS (
    SELECT
        kernel_id,
        coalesce(
            counters['sm__inst_issued.avg.pct_of_peak_sustained_elapsed'],
            counters['sm__inst_issued.avg.pct_of_peak_sustained_active']
        ) AS issue_slots_busy_pct,
        counters['smsp__issue_inst0.avg.pct_of_peak_sustained_active'] AS no_eligible_pct,
        counters['smsp__maximum_warps_avg_per_active_cycle'] AS theoretical_warps,
        counters['smsp__warps_active.avg.per_cycle_active'] AS active_warps,
        counters['smsp__warps_eligible.avg.per_cycle_active'] AS eligible_warps,
        counters['smsp__issue_active.avg.per_cycle_active'] AS issued_warps,
        counters['sm__inst_executed.avg.per_cycle_active'] AS ipc
    FROM counters_named([
        'sm__inst_issued.avg.pct_of_peak_sustained_elapsed',
        'sm__inst_issued.avg.pct_of_peak_sustained_active',
        'smsp__issue_inst0.avg.pct_of_peak_sustained_active',
        'smsp__maximum_warps_avg_per_active_cycle',
        'smsp__warps_active.avg.per_cycle_active',
        'smsp__warps_eligible.avg.per_cycle_active',
        'smsp__issue_active.avg.per_cycle_active',
        'sm__inst_executed.avg.per_cycle_active'
    ])
),
means AS (
    SELECT
        group_key,
        mean_over_time(issue_slots_busy_pct, duration_ns) AS issue_slots_busy_pct,
        mean_over_time(no_eligible_pct, duration_ns) AS no_eligible_pct,
        -- Of a whole graph or range ncu says 1.
        mean_over_time(if(is_kernel, theoretical_warps, NULL), duration_ns) AS theoretical_warps,
        mean_over_time(active_warps, duration_ns) AS active_warps,
        mean_over_time(eligible_warps, duration_ns) AS eligible_warps,
        mean_over_time(issued_warps, duration_ns) AS issued_warps,
        mean_over_time(ipc, duration_ns) AS ipc,
        nullif(concat_ws(
            '; ',
            lacking('issue slots', issue_slots_busy_pct, '--section ComputeWorkloadAnalysis'),
            lacking('cycles without eligible warps', no_eligible_pct, '--section SchedulerStats'),
            coalesce(
                max(lacking_launch(is_kernel)),
                lacking('theoretical warps', theoretical_warps, '--section SchedulerStats')
            ),
            lacking('active warps', active_warps, '--section SchedulerStats'),
            lacking('eligible warps', eligible_warps, '--section SchedulerStats'),
            lacking('issued warps', issued_warps, '--section SchedulerStats'),
            lacking('instructions per cycle', ipc, '--section ComputeWorkloadAnalysis')
        ), '') AS lacks
    FROM workloads
    LEFT JOIN measured USING (kernel_id)
    GROUP BY ALL
)
SELECT
    trace,
    group_name,
    launch_id AS kernel_id,
    kernels,
    gpu_ns,
    issue_slots_busy_pct,
    no_eligible_pct,
    theoretical_warps,
    active_warps,
    eligible_warps,
    issued_warps,
    ipc,
    means.lacks
FROM profiled_groups(workloads, measured, 'schedulers', '--section SchedulerStats')
JOIN means USING (group_key)
ORDER BY trace, gpu_ns DESC NULLS LAST, group_name, launch_id
