-- One stretch of time in which a GPU was busy without a break (nsys).
--
-- Kernels, copies, memsets and whole graphs of any process that overlap or follow each other at once; the
-- time between two stretches is a gap.
-- @column trace_id BIGINT        the trace it belongs to, see traces
-- @column trace VARCHAR          name of the trace
-- @column gpu_id INTEGER         the GPU, see gpus
-- @column start_ns BIGINT        start of its first operation
-- @column end_ns BIGINT          end of its last operation
-- @column duration_ns BIGINT     end minus start
-- @column gpu_operations BIGINT  how many operations ran in it

WITH ordered AS (
    SELECT
        trace_id,
        trace,
        gpu_id,
        kind,
        operation_id,
        start_ns,
        coalesce(end_ns, start_ns) AS until_ns,
        busy_until(start_ns, coalesce(end_ns, start_ns), (kind, operation_id), (trace_id, gpu_id))
            AS busy_until_ns
    FROM gpu_operations
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (busy_until_ns IS NULL OR start_ns > busy_until_ns) OVER (
            PARTITION BY trace_id, gpu_id ORDER BY start_ns, until_ns, (kind, operation_id)
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM ordered
)
SELECT
    trace_id,
    any_value(trace) AS trace,
    gpu_id,
    min(start_ns) AS start_ns,
    max(until_ns) AS end_ns,
    max(until_ns) - min(start_ns) AS duration_ns,
    count(*) AS gpu_operations
FROM numbered
GROUP BY trace_id, gpu_id, stretch
