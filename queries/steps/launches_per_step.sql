-- How many kernels, copies and graph replays does each step launch?
--
-- Steps of the same text together; minimum and maximum show whether they are alike.
-- @of     timeline
-- @param  step VARCHAR = 'execute_context_%'  text or pattern of the ranges that are steps
-- @needs  nvtx_ranges kernels
-- @column trace VARCHAR                  name of the trace
-- @column range VARCHAR                  NVTX message of the steps
-- @column steps BIGINT                   how many
-- @column kernels_per_step DOUBLE        mean number of kernels
-- @column min_kernels BIGINT             fewest
-- @column max_kernels BIGINT             most
-- @column memory_ops_per_step DOUBLE     mean number of copies and memsets
-- @column graph_replays_per_step DOUBLE  mean number of CUDA graph launches
-- @column launches_per_step DOUBLE       mean number of API calls that launched GPU work
-- @column avg_gpu_busy_ns DOUBLE         mean time with GPU work running
-- @chart  bars x=range y=kernels_per_step
-- @empty  No range looks like a vLLM step: name yours with --step (see the query nvtx-sum).

WITH steps AS (
    SELECT range_id AS step_id, text, launches, gpu_busy_ns, trace
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(text, $step) AND style = 'pushpop'
),
inside AS (
    SELECT step_id, range_ancestors.range_id
    FROM steps
    JOIN range_ancestors ON ancestor_id = step_id
),
kernel_counts AS (
    SELECT step_id, count(*) AS kernels FROM kernels JOIN inside USING (range_id) GROUP BY step_id
),
memory_counts AS (
    SELECT step_id, count(*) AS memory_ops FROM memory_ops JOIN inside USING (range_id) GROUP BY step_id
),
replay_counts AS (
    SELECT step_id, count(*) AS replays
    FROM host_calls
    JOIN inside USING (range_id)
    WHERE purpose = 'replay'
    GROUP BY step_id
)
SELECT
    trace,
    text AS range,
    count(*) AS steps,
    avg(coalesce(kernels, 0)) AS kernels_per_step,
    min(coalesce(kernels, 0)) AS min_kernels,
    max(coalesce(kernels, 0)) AS max_kernels,
    avg(coalesce(memory_ops, 0)) AS memory_ops_per_step,
    avg(coalesce(replays, 0)) AS graph_replays_per_step,
    avg(launches) AS launches_per_step,
    avg(coalesce(gpu_busy_ns, 0)) AS avg_gpu_busy_ns
FROM steps
LEFT JOIN kernel_counts USING (step_id)
LEFT JOIN memory_counts USING (step_id)
LEFT JOIN replay_counts USING (step_id)
GROUP BY trace, text
ORDER BY trace, steps DESC, range
