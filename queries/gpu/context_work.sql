-- What runs in each CUDA context, and in which green context of it?
--
-- A green context has a part of the GPU's SMs: what runs in it may take longer, and occupancies, waves and
-- peaks of the whole GPU are not its own. How many SMs it has nsys does not tell, but ncu: launch__sm_count.
-- @of     totals
-- @unites trace
-- @needs  kernels timeline
-- @column trace VARCHAR            name of the trace
-- @column pid BIGINT               process
-- @column gpu_id INTEGER           GPU, see gpus
-- @column context_id BIGINT        CUDA context
-- @column green_context_id BIGINT  green context in it; NULL for what runs in none
-- @column streams BIGINT           streams with work
-- @column kernels BIGINT           kernels
-- @column copies BIGINT            copies and memsets
-- @column graphs BIGINT            graphs that were traced as a whole
-- @column total_ns BIGINT          time of all of it; what runs side by side counts several times
-- @column share_pct DOUBLE         of that of the GPU
-- @column first_ns BIGINT          start of the first of it
-- @column last_ns BIGINT           end of the last of it
-- @chart  bars x=green_context_id y=total_ns

WITH operations AS (
    SELECT trace_id, process_id, pid, gpu_id, context_id, green_context_id, stream_id, start_ns, end_ns,
           duration_ns, 'kernel' AS kind
    FROM kernels
    -- Workloads of ncu have no place on a timeline.
    WHERE start_ns IS NOT NULL
    UNION ALL
    SELECT trace_id, process_id, pid, gpu_id, context_id, green_context_id, stream_id, start_ns, end_ns,
           duration_ns, 'copy'
    FROM memory_ops
    -- Migrations of managed memory belong to no context.
    WHERE context_id IS NOT NULL
    UNION ALL
    SELECT trace_id, process_id, pid, gpu_id, context_id, green_context_id, stream_id, start_ns, end_ns,
           duration_ns, 'graph'
    FROM graph_launches
),
summed AS (
    SELECT
        traces.trace,
        process_id,
        any_value(pid) AS pid,
        gpu_id,
        context_id,
        green_context_id,
        count(DISTINCT stream_id) AS streams,
        count(*) FILTER (kind = 'kernel') AS kernels,
        count(*) FILTER (kind = 'copy') AS copies,
        count(*) FILTER (kind = 'graph') AS graphs,
        sum(duration_ns)::BIGINT AS total_ns,
        min(start_ns) AS first_ns,
        max(end_ns) AS last_ns
    FROM operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    GROUP BY traces.trace, process_id, gpu_id, context_id, green_context_id
)
SELECT
    trace,
    pid,
    gpu_id,
    context_id,
    green_context_id,
    streams,
    kernels,
    copies,
    graphs,
    total_ns,
    percent(total_ns, sum(total_ns) OVER (PARTITION BY trace, gpu_id)) AS share_pct,
    first_ns,
    last_ns
FROM summed
ORDER BY trace, gpu_id, total_ns DESC NULLS LAST, process_id, context_id, green_context_id NULLS FIRST
