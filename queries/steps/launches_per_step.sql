-- How many kernels, copies and graph replays does each step launch?
--
-- Steps are those of step-summary. Those of the same text together, the number of the step aside; minimum and
-- maximum show whether they are alike. The first ones that are warm-up (see with_warm_up) are counted apart,
-- and are in no other number unless --warm-up true.
-- @of     totals
-- @unites trace
-- @param  step VARCHAR = NULL            text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  exact BOOLEAN = false          steps of different text apart, whatever the numbers in it
-- @param  warm_up BOOLEAN = false        count steps that are warm-up with the others
-- @needs  kernels timeline
-- @column trace VARCHAR                  name of the trace
-- @column range VARCHAR                  NVTX message of the steps; NULL if kernels tell them
-- @column steps BIGINT                   how many
-- @column warm_up_steps BIGINT           how many more of the text were left out as warm-up
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
-- @note   WITH remarks AS (
-- @note   SELECT trace, 'Steps of ' || trace || ' are told by kernels that repeat: no range does.' AS said
-- @note   FROM answer WHERE range IS NULL GROUP BY trace UNION ALL
-- @note   SELECT NULL, left_out_as_warm_up(sum(warm_up_steps), list(DISTINCT trace ORDER BY trace))
-- @note   FROM answer WHERE warm_up_steps > 0)
-- @note   SELECT said FROM remarks ORDER BY trace NULLS LAST

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
        steps.*,
        CASE WHEN $exact THEN named.text ELSE named.step_text END AS step_text,
        CASE WHEN steps.gpu_operations IS NOT NULL THEN coalesce(kernels, 0) END AS kernels,
        CASE WHEN steps.gpu_operations IS NOT NULL THEN coalesce(memory_ops, 0) END AS memory_ops,
        CASE WHEN steps.gpu_operations IS NOT NULL THEN coalesce(graph_replays, 0) END AS graph_replays
    FROM named
    JOIN ranges_with_work('named', $by) AS steps USING (range_id)
    LEFT JOIN kernel_counts ON kernel_counts.holder_id = range_id
    LEFT JOIN memory_counts ON memory_counts.holder_id = range_id
    LEFT JOIN replay_counts ON replay_counts.holder_id = range_id
),
counted AS (
    FROM of_ranges
    UNION ALL BY NAME
    FROM steps_of_kernels('named', $step)
),
told AS (
    SELECT *, $warm_up OR NOT is_warm_up AS is_counted FROM with_warm_up('counted')
)
SELECT
    trace,
    step_text AS range,
    count(*) FILTER (is_counted) AS steps,
    count(*) FILTER (NOT is_counted) AS warm_up_steps,
    avg(kernels) FILTER (is_counted) AS kernels_per_step,
    min(kernels) FILTER (is_counted) AS min_kernels,
    max(kernels) FILTER (is_counted) AS max_kernels,
    avg(memory_ops) FILTER (is_counted) AS memory_ops_per_step,
    avg(graph_replays) FILTER (is_counted) AS graph_replays_per_step,
    avg(launches) FILTER (is_counted) AS launches_per_step,
    avg(if(gpu_operations = 0, 0, gpu_busy_ns)) FILTER (is_counted) AS avg_gpu_busy_ns
FROM told
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY trace, step_text
ORDER BY trace, steps DESC, range
