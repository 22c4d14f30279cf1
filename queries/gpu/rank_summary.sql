-- Did every process and every GPU work, and equally much?
--
-- One row per process and GPU it used; a process with CUDA calls but no GPU work, and a GPU that CUDA knew
-- but nobody used, have rows of their own, the GPU unless processes number it differently. With tensor
-- parallelism each rank is a process: an empty one was profiled wrongly (one rank only, or the workers
-- were forked without --trace-fork-before-exec=true). A trace without CUDA on record has no row.
-- @of     timeline
-- @unites trace
-- @needs  kernels timeline
-- @column trace VARCHAR          name of the trace
-- @column pid BIGINT             process; NULL for a GPU that no process used
-- @column process VARCHAR        executable
-- @column device_id INTEGER      CUDA device ordinal; NULL for a process without GPU work
-- @column gpu VARCHAR            name of the GPU; NULL if the report does not tell
-- @column api_calls BIGINT       CUDA calls of the process, on all its GPUs
-- @column kernels BIGINT         kernel executions
-- @column memory_ops BIGINT      copies and memsets
-- @column graph_launches BIGINT  CUDA graphs traced as a whole: their kernels are in no count
-- @column gpu_ns BIGINT          GPU time of all of them
-- @column share_of_busiest_pct DOUBLE  GPU time in percent of the busiest row of the trace
-- @column first_ns BIGINT        start of the first operation
-- @column last_ns BIGINT         end of the last operation
-- @column finding VARCHAR        no GPU work, unused GPU, graphs only, or NULL when there is nothing to say
-- @chart  bars x=pid y=gpu_ns

WITH worked AS (
    SELECT
        trace_id,
        process_id,
        pid,
        gpu_id,
        device_id,
        count(*) FILTER (kind = 'kernel') AS kernels,
        count(*) FILTER (kind IN ('memcpy', 'memset')) AS memory_ops,
        count(*) FILTER (kind = 'graph') AS graph_launches,
        sum(duration_ns)::BIGINT AS gpu_ns,
        min(start_ns) AS first_ns,
        max(end_ns) AS last_ns
    FROM gpu_operations
    GROUP BY ALL
),
called AS (
    SELECT trace_id, process_id, pid, count(*) AS api_calls FROM api_calls GROUP BY ALL
),
known AS (
    SELECT trace_id, gpu_id, device_id AS ordinal, gpu_name AS gpu FROM gpus
),
processes_used AS (
    SELECT * FROM worked
    FULL JOIN called USING (trace_id, process_id, pid)
),
ranks AS (
    SELECT trace_id, process_id, pid, coalesce(device_id, ordinal) AS device_id, api_calls, kernels,
           memory_ops, graph_launches, gpu_ns, first_ns, last_ns, gpu
    FROM processes_used
    FULL JOIN known USING (trace_id, gpu_id)
    -- What CUDA did not know was not there for it.
    WHERE process_id IS NOT NULL OR ordinal IS NOT NULL
)
SELECT
    traces.trace,
    ranks.pid,
    processes.process,
    device_id,
    ranks.gpu,
    coalesce(api_calls, 0) AS api_calls,
    coalesce(kernels, 0) AS kernels,
    coalesce(memory_ops, 0) AS memory_ops,
    coalesce(graph_launches, 0) AS graph_launches,
    coalesce(gpu_ns, 0) AS gpu_ns,
    percent(coalesce(gpu_ns, 0), max(gpu_ns) OVER (PARTITION BY traces.trace))
        AS share_of_busiest_pct,
    first_ns,
    last_ns,
    CASE WHEN ranks.process_id IS NULL THEN 'unused GPU'
         WHEN kernels IS NULL THEN 'no GPU work'
         WHEN kernels = 0 AND graph_launches > 0 THEN 'graphs only' END AS finding
FROM ranks
JOIN chosen_traces($trace) AS traces
    ON traces.trace_id = ranks.trace_id AND has_timeline AND gpu_work_recorded(missing)
LEFT JOIN processes
    ON processes.trace_id = ranks.trace_id AND processes.process_id = ranks.process_id
ORDER BY trace, ranks.pid NULLS LAST, ranks.process_id, device_id NULLS LAST
