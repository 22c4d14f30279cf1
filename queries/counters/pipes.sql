-- How busy are the pipes of the SMs, tensor cores included?
--
-- The pipes of ncu's page "Compute Workload Analysis", the busiest of each kernel first. A pipe is busy in
-- cycles in which it works; an instruction may take several, so that it may be full with fewer instructions
-- than it could start. Shares are of all cycles of the kernel, or (active_) of those in which an SM was
-- active: reports have one or both. Parts of a pipe stand beside it: tensor_op_hmma is in tensor, and both
-- are in shared. Of several workloads together it is the mean over their time. FLOP of tensor cores by type
-- are in the query kernel-roofline.
-- @of     traces
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  by VARCHAR(kernel|launch|range) = 'kernel'  kernel (all its launches together), launch or range
-- @param  domain VARCHAR = ''         NVTX domain of ranges; empty for the default one
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  pipe VARCHAR = '*'          name of a pipe, or a pattern of it: tensor*
-- @param  limit BIGINT = 5            pipes of each kernel; NULL for all
-- @needs  metrics
-- @metrics sm__inst_executed_pipe_lsu.avg.pct_of_peak_sustained_active
-- @ncu    --section ComputeWorkloadAnalysis
-- @column trace VARCHAR               name of the trace
-- @column group_name VARCHAR          kernel name, or range path; NULL outside any range
-- @column kernel_id BIGINT            the launch, see kernels; NULL for several together
-- @column kernels BIGINT              profiled workloads
-- @column gpu_ns BIGINT               their time
-- @column pipe VARCHAR                by ncu's name; NULL if not recorded
-- @column busy_pct DOUBLE             cycles in which it works, share of all
-- @column instructions_pct DOUBLE     instructions that it executed, share of those that it could start
-- @column active_busy_pct DOUBLE      busy_pct of the cycles in which an SM is active
-- @column active_instructions_pct DOUBLE  instructions_pct of these
-- @column meaning VARCHAR             what it executes; NULL of those that traceql does not know
-- @column lacks VARCHAR               what the report lacks (--option of ncu that records it)
-- @chart  share_bars x=group_name y=active_busy_pct part=pipe group=kernel_id
-- @section counters 59 Pipes | drawn
-- @card   counters 70 Pipes | of=pipe note=meaning first=active_busy_pct,active_instructions_pct

WITH workloads AS (
    SELECT traces.trace, group_name, launch_id, group_key, kernels.kernel_id, kernels.duration_ns
    FROM profiled_as($by, $names, $kernel, $domain) AS groups
    JOIN kernels USING (kernel_id)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
counted AS (
    SELECT
        kernel_id,
        regexp_extract(
            metric,
            '^sm__(?:pipe_(\w+)_cycles_active|inst_executed_pipe_(\w+))\.avg\.pct_of_peak_sustained_(\w+)$',
            ['cycles', 'instructions', 'base']
        ) AS found,
        value
    FROM metrics
    WHERE is_like(metric, 'sm__*pipe_*.avg.pct_of_peak_sustained_*')
),
measured AS (
    SELECT
        kernel_id,
        found.cycles || found.instructions AS pipe,
        max(value) FILTER (found.cycles <> '' AND found.base = 'elapsed') AS busy_pct,
        max(value) FILTER (found.instructions <> '' AND found.base = 'elapsed') AS instructions_pct,
        max(value) FILTER (found.cycles <> '' AND found.base = 'active') AS active_busy_pct,
        max(value) FILTER (found.instructions <> '' AND found.base = 'active') AS active_instructions_pct
    FROM counted
    -- A sum over kinds of instructions that sections need, and no pipe.
    WHERE pipe <> '' AND NOT starts_with(pipe, 'tensor_type_')
    GROUP BY ALL
),
pipes AS (
    SELECT
        group_key,
        pipe,
        mean_over_time(measured.busy_pct, duration_ns) AS busy_pct,
        mean_over_time(measured.instructions_pct, duration_ns) AS instructions_pct,
        mean_over_time(measured.active_busy_pct, duration_ns) AS active_busy_pct,
        mean_over_time(measured.active_instructions_pct, duration_ns) AS active_instructions_pct
    FROM workloads
    JOIN measured USING (kernel_id)
    WHERE is_like_in_any_case(pipe, $pipe)
    GROUP BY ALL
)
SELECT
    trace,
    group_name,
    launch_id AS kernel_id,
    kernels,
    gpu_ns,
    pipe,
    busy_pct,
    instructions_pct,
    active_busy_pct,
    active_instructions_pct,
    meaning,
    lacks
FROM profiled_groups(workloads, measured, 'pipes', '--section ComputeWorkloadAnalysis')
LEFT JOIN pipes USING (group_key)
LEFT JOIN pipe_meanings USING (pipe)
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY group_key
        ORDER BY order_of(greatest(busy_pct, instructions_pct, active_busy_pct, active_instructions_pct))
            DESC NULLS LAST, pipe
    ),
    $limit
)
ORDER BY trace, gpu_ns DESC NULLS LAST, group_name, launch_id,
    order_of(greatest(busy_pct, instructions_pct, active_busy_pct, active_instructions_pct)) DESC NULLS LAST,
    pipe
