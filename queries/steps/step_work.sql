-- What kinds of work do steps consist of: products, attention, communication …?
--
-- Steps are those of step-summary that ranges tell, of one text (the number of the step aside) together, and
-- kinds of work those of kernel-categories. Steps whose launches are unknown count in no number, nor do the
-- first ones that are warm-up (see with_warm_up), unless --warm-up true.
-- @of     timeline
-- @unites trace
-- @param  step VARCHAR = NULL   text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  warm_up BOOLEAN = false  count steps that are warm-up with the others
-- @needs  kernels nvtx_ranges timeline
-- @column trace VARCHAR         name of the trace
-- @column range VARCHAR         NVTX message of the steps
-- @column steps BIGINT          how many
-- @column warm_up_steps BIGINT  how many more of the text were left out as warm-up
-- @column category VARCHAR      kind of work
-- @column kernels BIGINT        kernels of that kind in all of them
-- @column gpu_ns BIGINT         their time
-- @column avg_gpu_ns DOUBLE     of one step
-- @column share_pct DOUBLE      of the time of all kernels of these steps
-- @chart  bars x=category y=gpu_ns group=range
-- @empty  No step launches kernels, or none but warm-up does (--warm-up true counts it): no range is like the
-- @empty  one asked for, or repeats. See the query nvtx-sum for what to name with --step. Recorded by: nsys
-- @empty  profile --trace=nvtx
-- @note   SELECT left_out_as_warm_up(sum(warm_up_steps), list(DISTINCT trace ORDER BY trace))
-- @note   FROM (SELECT DISTINCT trace, range, warm_up_steps FROM answer WHERE warm_up_steps > 0)

WITH named AS (
    FROM steps_of($step)
),
steps AS (
    SELECT held.*, step_text
    FROM ranges_with_work('named', $by) AS held
    JOIN named USING (range_id)
),
counted AS (
    SELECT trace_id, step_text AS range, range_id, $warm_up OR NOT is_warm_up AS is_counted
    FROM with_warm_up('steps')
    WHERE gpu_operations IS NOT NULL
),
told AS (
    SELECT
        trace_id,
        range,
        count(*) FILTER (is_counted) AS steps,
        count(*) FILTER (NOT is_counted) AS warm_up_steps
    FROM counted
    GROUP BY ALL
),
work AS (
    SELECT
        counted.trace_id,
        range,
        category,
        count(*) AS kernels,
        sum(held.duration_ns)::BIGINT AS gpu_ns
    FROM work_in_ranges('named', 'kernels', $by) AS held
    JOIN counted ON counted.range_id = holder_id AND is_counted
    JOIN kernels_categorised ON full_name = coalesce(demangled, held.name, '')
    GROUP BY ALL
)
SELECT
    trace,
    range,
    steps,
    warm_up_steps,
    category,
    kernels,
    gpu_ns,
    gpu_ns / steps AS avg_gpu_ns,
    percent(gpu_ns, sum(gpu_ns) OVER (PARTITION BY trace, range)) AS share_pct
FROM work
JOIN told USING (trace_id, range)
JOIN chosen_traces($trace) AS traces USING (trace_id)
ORDER BY trace, sum(gpu_ns) OVER (PARTITION BY trace, range) DESC, range, gpu_ns DESC, category
