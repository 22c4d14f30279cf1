-- What the push/pop ranges of one text cost in one trace: time, launches, replays and waiting.
--
-- Of ranges of one text in each other the outermost counts. What a profiler does not record is NULL: an
-- .ncu-rep knows no host time and no calls, and its instances come from the trace's tag `steps`; an .nsys-rep
-- knows no warps. So are the kernels of CUDA graphs that were traced as a whole. A text that a trace lacks
-- has no row.
-- @needs  ncu_ranges|nvtx_ranges
-- @column trace_id BIGINT       the trace it belongs to, see traces
-- @column trace VARCHAR         name of the trace
-- @column range VARCHAR         NVTX message
-- @column instances BIGINT      how often the range ran
-- @column host_ns BIGINT        time on the host inside the ranges
-- @column launches BIGINT       calls that launched kernels one by one (cudaLaunchKernel, cuLaunchKernelEx …)
-- @column launch_ns BIGINT      time in these calls
-- @column graph_replays BIGINT  calls that launched a CUDA graph
-- @column graph_replay_ns BIGINT  time in these calls
-- @column replays_by_node BIGINT  of them, those whose nodes were traced one by one, which makes them longer
-- @column syncs BIGINT          calls that waited for the GPU
-- @column sync_ns BIGINT        time in these calls
-- @column kernels BIGINT        kernels that ran for it, those of graphs included
-- @column gpu_ns BIGINT         their time on the GPU
-- @column warps BIGINT          warps launched by them (sm__warps_launched.sum)
-- @column median_host_ns DOUBLE  median over the instances, here and below
-- @column median_launches DOUBLE  as launches
-- @column median_launch_ns DOUBLE  as launch_ns
-- @column median_graph_replays DOUBLE  as graph_replays
-- @column median_graph_replay_ns DOUBLE  as graph_replay_ns
-- @column median_replays_by_node DOUBLE  as replays_by_node
-- @column median_syncs DOUBLE   as syncs
-- @column median_sync_ns DOUBLE  as sync_ns
-- @column median_kernels DOUBLE  as kernels
-- @column median_gpu_ns DOUBLE  as gpu_ns

WITH outermost AS (
    SELECT trace_id, text, range_id, duration_ns
    FROM nvtx_ranges
    WHERE style = 'pushpop' AND NOT EXISTS (
        SELECT 1
        FROM range_ancestors
        JOIN nvtx_ranges AS ancestors ON ancestors.range_id = ancestor_id
        WHERE range_ancestors.range_id = nvtx_ranges.range_id AND levels > 0
            AND ancestors.text = nvtx_ranges.text
    )
),
of_nodes AS (
    SELECT api_call_id FROM kernels WHERE graph_node_id IS NOT NULL
    UNION
    SELECT api_call_id FROM memory_ops WHERE graph_node_id IS NOT NULL
),
called AS (
    SELECT
        holder_id AS range_id,
        count(*) FILTER (purpose = 'launch') AS launches,
        coalesce(sum(duration_ns) FILTER (purpose = 'launch'), 0)::BIGINT AS launch_ns,
        count(*) FILTER (purpose = 'replay') AS graph_replays,
        coalesce(sum(duration_ns) FILTER (purpose = 'replay'), 0)::BIGINT AS graph_replay_ns,
        count(*) FILTER (purpose = 'replay' AND api_call_id IN (FROM of_nodes)) AS replays_by_node,
        count(*) FILTER (purpose = 'sync') AS syncs,
        coalesce(sum(duration_ns) FILTER (purpose = 'sync'), 0)::BIGINT AS sync_ns
    FROM work_in_ranges('outermost', 'host_calls', 'thread') AS held
    GROUP BY holder_id
),
ran AS (
    SELECT holder_id AS range_id, count(*) AS kernels, sum(duration_ns)::BIGINT AS gpu_ns
    FROM work_in_ranges('outermost', 'kernels', 'thread') AS held
    GROUP BY holder_id
),
hiding AS (
    SELECT DISTINCT holder_id AS range_id
    FROM work_in_ranges('outermost', 'graph_launches', 'thread') AS held
),
each_instance AS (
    SELECT
        outermost.trace_id,
        text,
        outermost.duration_ns AS host_ns,
        -- Nothing inside is 0 only where such things were recorded.
        CASE WHEN NOT list_contains(missing, 'api_calls') THEN 0 END AS none_called,
        CASE WHEN NOT list_contains(missing, 'kernels') THEN 0 END AS none_ran,
        coalesce(launches, none_called) AS launches,
        coalesce(launch_ns, none_called) AS launch_ns,
        coalesce(graph_replays, none_called) AS graph_replays,
        coalesce(graph_replay_ns, none_called) AS graph_replay_ns,
        coalesce(replays_by_node, none_called) AS replays_by_node,
        coalesce(syncs, none_called) AS syncs,
        coalesce(sync_ns, none_called) AS sync_ns,
        hiding.range_id IS NOT NULL AS hides,
        coalesce(kernels, none_ran) AS kernels,
        coalesce(gpu_ns, none_ran) AS gpu_ns
    FROM outermost
    JOIN traces USING (trace_id)
    LEFT JOIN called USING (range_id)
    LEFT JOIN ran USING (range_id)
    LEFT JOIN hiding USING (range_id)
),
profiled AS (
    -- A recursive range encloses a kernel twice under one text: count the kernel once.
    SELECT DISTINCT trace_id, text, kernel_id
    FROM ncu_ranges
    WHERE style = 'pushpop'
),
counted AS (
    SELECT
        profiled.trace_id,
        profiled.text,
        count(*) AS workloads,
        count(*) FILTER (workload = 'kernel') AS kernels,
        CASE WHEN count(kernels.duration_ns) = count(*) THEN sum(kernels.duration_ns) END::BIGINT AS gpu_ns,
        CASE WHEN count(value) = count(*) THEN sum(value) END::BIGINT AS warps
    FROM profiled
    JOIN kernels USING (kernel_id)
    LEFT JOIN metrics ON metrics.kernel_id = profiled.kernel_id AND metric = 'sm__warps_launched.sum'
    GROUP BY profiled.trace_id, profiled.text
)
SELECT
    trace_id,
    trace,
    text AS range,
    count(*) AS instances,
    sum(host_ns)::BIGINT AS host_ns,
    sum(launches)::BIGINT AS launches,
    sum(launch_ns)::BIGINT AS launch_ns,
    sum(graph_replays)::BIGINT AS graph_replays,
    sum(graph_replay_ns)::BIGINT AS graph_replay_ns,
    sum(replays_by_node)::BIGINT AS replays_by_node,
    sum(syncs)::BIGINT AS syncs,
    sum(sync_ns)::BIGINT AS sync_ns,
    CASE WHEN NOT bool_or(hides) THEN sum(kernels) END::BIGINT AS kernels,
    CASE WHEN NOT bool_or(hides) THEN sum(gpu_ns) END::BIGINT AS gpu_ns,
    NULL::BIGINT AS warps,
    median(host_ns) AS median_host_ns,
    median(launches) AS median_launches,
    median(launch_ns) AS median_launch_ns,
    median(graph_replays) AS median_graph_replays,
    median(graph_replay_ns) AS median_graph_replay_ns,
    median(replays_by_node) AS median_replays_by_node,
    median(syncs) AS median_syncs,
    median(sync_ns) AS median_sync_ns,
    CASE WHEN NOT bool_or(hides) THEN median(kernels) END AS median_kernels,
    CASE WHEN NOT bool_or(hides) THEN median(gpu_ns) END AS median_gpu_ns
FROM each_instance
JOIN traces USING (trace_id)
GROUP BY trace_id, trace, text
UNION ALL
SELECT
    trace_id,
    trace,
    text,
    try_cast(tags['steps'] AS BIGINT),
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    CASE WHEN kernels = workloads THEN kernels END,
    gpu_ns,
    warps,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM counted
JOIN traces USING (trace_id)
