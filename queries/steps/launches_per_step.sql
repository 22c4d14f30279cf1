-- How many kernels, copies and graph replays does each step launch?
--
-- Steps are those of step-summary. Those of the same text together, the number of the step aside; minimum and
-- maximum show whether they are alike.
-- @of     totals
-- @unites trace
-- @param  step VARCHAR = NULL            text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  exact BOOLEAN = false          steps of different text apart, whatever the numbers in it
-- @needs  kernels timeline
-- @column trace VARCHAR                  name of the trace
-- @column range VARCHAR                  NVTX message of the steps; NULL if kernels tell them
-- @column steps BIGINT                   how many
-- @column kernels_per_step DOUBLE        mean number of kernels; NULL if others launched them
-- @column min_kernels BIGINT             fewest
-- @column max_kernels BIGINT             most
-- @column memory_ops_per_step DOUBLE     mean number of copies and memsets
-- @column graph_replays_per_step DOUBLE  mean number of CUDA graph launches
-- @column launches_per_step DOUBLE       mean number of API calls that launched GPU work
-- @column avg_gpu_busy_ns DOUBLE         mean time with GPU work running
-- @chart  bars x=range y=kernels_per_step
-- @empty  No step: no range is like the one asked for, or repeats, nor do kernels. See the query nvtx-sum for
-- @empty  what to name with --step. Recorded by: nsys profile --trace=nvtx
-- @note   SELECT 'Steps of ' || trace || ' are told by kernels that repeat: no range does.'
-- @note   FROM answer WHERE range IS NULL GROUP BY trace ORDER BY trace

WITH named AS (
    FROM steps_of($step)
),
kernel_counts AS (
    SELECT holder_id, count(*) AS kernels
    FROM work_in_ranges('named', 'kernels', $by)
    GROUP BY holder_id
),
memory_counts AS (
    SELECT holder_id, count(*) AS memory_ops
    FROM work_in_ranges('named', 'memory_ops', $by)
    GROUP BY holder_id
),
replays AS (
    FROM host_calls WHERE purpose = 'replay'
),
replay_counts AS (
    SELECT holder_id, count(*) AS graph_replays
    FROM work_in_ranges('named', 'replays', $by)
    GROUP BY holder_id
),
-- Where others of the process launched something, and the thread itself nothing, its counts are unknown.
of_ranges AS (
    SELECT
        named.trace_id,
        CASE WHEN $exact THEN named.text ELSE step_text END AS range,
        CASE WHEN steps.gpu_operations IS NOT NULL THEN coalesce(kernels, 0) END AS kernels,
        CASE WHEN steps.gpu_operations IS NOT NULL THEN coalesce(memory_ops, 0) END AS memory_ops,
        CASE WHEN steps.gpu_operations IS NOT NULL THEN coalesce(graph_replays, 0) END AS graph_replays,
        steps.launches,
        CASE WHEN steps.gpu_operations = 0 THEN 0 ELSE steps.gpu_busy_ns END AS gpu_busy_ns
    FROM named
    JOIN ranges_with_work('named', $by) AS steps USING (range_id)
    LEFT JOIN kernel_counts ON kernel_counts.holder_id = range_id
    LEFT JOIN memory_counts ON memory_counts.holder_id = range_id
    LEFT JOIN replay_counts ON replay_counts.holder_id = range_id
),
counted AS (
    FROM of_ranges
    UNION ALL BY NAME
    SELECT trace_id, kernels, memory_ops, graph_replays, launches, gpu_busy_ns
    FROM steps_of_kernels('named', $step)
)
SELECT
    trace,
    range,
    count(*) AS steps,
    avg(kernels) AS kernels_per_step,
    min(kernels) AS min_kernels,
    max(kernels) AS max_kernels,
    avg(memory_ops) AS memory_ops_per_step,
    avg(graph_replays) AS graph_replays_per_step,
    avg(launches) AS launches_per_step,
    avg(gpu_busy_ns) AS avg_gpu_busy_ns
FROM counted
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY trace, range
ORDER BY trace, steps DESC, range
