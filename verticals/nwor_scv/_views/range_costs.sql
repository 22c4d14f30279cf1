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
-- @column syncs BIGINT          calls that waited for the GPU
-- @column sync_ns BIGINT        time in these calls
-- @column kernels BIGINT        kernels that ran for it, those of graphs included
-- @column gpu_ns BIGINT         their time on the GPU
-- @column warps BIGINT          warps launched by them (sm__warps_launched.sum)

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
host AS (
    SELECT
        trace_id,
        trace,
        text,
        count(*) AS instances,
        sum(outermost.duration_ns)::BIGINT AS host_ns,
        -- Nothing inside is 0 only where such things were recorded.
        CASE WHEN NOT list_contains(any_value(missing), 'api_calls') THEN 0 END AS none_called,
        CASE WHEN NOT list_contains(any_value(missing), 'kernels') THEN 0 END AS none_ran
    FROM outermost
    JOIN traces USING (trace_id)
    GROUP BY trace_id, trace, text
),
called AS (
    SELECT
        trace_id,
        text,
        count(*) FILTER (purpose = 'launch') AS launches,
        coalesce(sum(duration_ns) FILTER (purpose = 'launch'), 0)::BIGINT AS launch_ns,
        count(*) FILTER (purpose = 'replay') AS graph_replays,
        coalesce(sum(duration_ns) FILTER (purpose = 'replay'), 0)::BIGINT AS graph_replay_ns,
        count(*) FILTER (purpose = 'sync') AS syncs,
        coalesce(sum(duration_ns) FILTER (purpose = 'sync'), 0)::BIGINT AS sync_ns
    FROM work_in_ranges('outermost', 'host_calls', 'thread') AS held
    JOIN (SELECT range_id AS holder_id, text FROM outermost) USING (holder_id)
    GROUP BY trace_id, text
),
ran AS (
    SELECT trace_id, text, count(*) AS kernels, sum(duration_ns)::BIGINT AS gpu_ns
    FROM work_in_ranges('outermost', 'kernels', 'thread') AS held
    JOIN (SELECT range_id AS holder_id, text FROM outermost) USING (holder_id)
    GROUP BY trace_id, text
),
hidden AS (
    SELECT DISTINCT trace_id, text
    FROM work_in_ranges('outermost', 'graph_launches', 'thread') AS held
    JOIN (SELECT range_id AS holder_id, text FROM outermost) USING (holder_id)
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
    host.trace_id,
    trace,
    host.text AS range,
    instances,
    host_ns,
    coalesce(launches, none_called) AS launches,
    coalesce(launch_ns, none_called) AS launch_ns,
    coalesce(graph_replays, none_called) AS graph_replays,
    coalesce(graph_replay_ns, none_called) AS graph_replay_ns,
    coalesce(syncs, none_called) AS syncs,
    coalesce(sync_ns, none_called) AS sync_ns,
    CASE WHEN hidden.text IS NULL THEN coalesce(kernels, none_ran) END AS kernels,
    CASE WHEN hidden.text IS NULL THEN coalesce(gpu_ns, none_ran) END AS gpu_ns,
    NULL::BIGINT AS warps
FROM host
LEFT JOIN called ON called.trace_id = host.trace_id AND called.text = host.text
LEFT JOIN ran ON ran.trace_id = host.trace_id AND ran.text = host.text
LEFT JOIN hidden ON hidden.trace_id = host.trace_id AND hidden.text = host.text
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
    CASE WHEN kernels = workloads THEN kernels END,
    gpu_ns,
    warps
FROM counted
JOIN traces USING (trace_id)
