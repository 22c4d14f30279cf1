-- What do the warps of each kernel wait for?
--
-- Cycles that a warp spends in each state for one instruction that it issues, as on the page "Warp State
-- Statistics" of ncu; the states of most cycles first. The share is of the cycles between two instructions
-- of a warp (smsp__average_warp_latency_per_inst_issued), as in the texts of ncu's rule CPIStall; ncu
-- measures both in several passes, so shares add up to nearly 100. Of several workloads together it is the
-- mean over their time. Stalls matter where schedulers often find no warp to issue: see the query scheduler.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  limit BIGINT = 3            states of each kernel; NULL for all
-- @needs  metrics
-- @metrics smsp__average_warp_latency_per_inst_issued.ratio
-- @ncu    --section WarpStateStats
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads
-- @column gpu_ns BIGINT               their time
-- @column state VARCHAR               what a warp does, by ncu's name; NULL if not recorded
-- @column cycles_per_instruction DOUBLE  cycles of a warp in that state for each instruction that it issues
-- @column share_pct DOUBLE            share of the cycles between two instructions
-- @column meaning VARCHAR             what the state is; NULL of those that traceql does not know
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @title  cycles_per_instruction Warp cycles per issued instruction
-- @chart  share_bars x=group_name y=share_pct part=state group=kernel_id
-- @section counters 57 Warp states | drawn
-- @card   counters 40 Warp states | of=state note=meaning first=share_pct

WITH workloads AS (
    SELECT traces.trace, group_name, launch_id, group_key, kernels.kernel_id, kernels.duration_ns
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
measured AS (
    SELECT
        kernel_id,
        regexp_extract(metric, 'issue_stalled_(\w+)_per_issue_active', 1) AS state,
        value,
        counters['smsp__average_warp_latency_per_inst_issued.ratio'] AS latency
    FROM metrics
    LEFT JOIN counters_named(['smsp__average_warp_latency_per_inst_issued.ratio']) USING (kernel_id)
    WHERE is_like(metric, 'smsp__average_warps_issue_stalled_*_per_issue_active.ratio')
        -- The same, of the cycles without an instruction.
        AND NOT ends_with(state, '_not_issued')
),
with_latency AS (
    SELECT kernel_id FROM measured WHERE latency IS NOT NULL
),
states AS (
    SELECT
        group_key,
        state,
        mean_over_time(value, duration_ns) AS cycles_per_instruction,
        mean_over_time(latency, duration_ns) AS latency
    FROM workloads
    JOIN measured USING (kernel_id)
    GROUP BY ALL
)
SELECT
    trace,
    group_name,
    launch_id AS kernel_id,
    kernels,
    gpu_ns,
    state,
    cycles_per_instruction,
    percent(cycles_per_instruction, latency) AS share_pct,
    meaning,
    lacks
FROM profiled_groups(workloads, with_latency, 'warp states', '--section WarpStateStats')
LEFT JOIN states USING (group_key)
LEFT JOIN warp_state_meanings USING (state)
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY group_key ORDER BY order_of(cycles_per_instruction) DESC NULLS LAST, state
    ),
    $limit
)
ORDER BY trace, gpu_ns DESC NULLS LAST, group_name, launch_id,
    order_of(cycles_per_instruction) DESC NULLS LAST, state
