-- What is known of the work behind a trace, or behind runs without one, from outside the profiler.
--
-- A number is the trace's tag of that name, else that of its imported runs (see runs_of_sides). Repeated runs
-- are summarised; those of several imported files are not the same measurement, and tell nothing. How runs
-- were configured counts as a number, too, where it is one.
-- @column trace_id BIGINT  the trace or runs, see measured_sides
-- @column trace VARCHAR    name of the trace or runs
-- @column metric VARCHAR   name, as measured or labelled
-- @column value DOUBLE     mean of the repetitions
-- @column median DOUBLE    their median

WITH measured AS (
    SELECT trace_id, sweep, metric, value
    FROM runs_of_sides
    JOIN run_metrics USING (run_id)
    UNION ALL
    SELECT trace_id, sweep, tag.key, try_cast(tag.value AS DOUBLE)
    FROM (SELECT trace_id, sweep, unnest(map_entries(tags)) AS tag FROM runs_of_sides)
    WHERE isfinite(try_cast(tag.value AS DOUBLE))
),
numbers AS (
    SELECT
        trace_id,
        metric,
        count(DISTINCT sweep) = 1 AND count(value) = count(*) AS is_one,
        CASE WHEN is_one THEN avg(value) END AS value,
        CASE WHEN is_one THEN median(value) END AS median,
        2 AS priority
    FROM measured
    GROUP BY trace_id, metric
    UNION ALL
    SELECT trace_id, tag.key, true, try_cast(tag.value AS DOUBLE), try_cast(tag.value AS DOUBLE), 1
    FROM (SELECT trace_id, unnest(map_entries(tags)) AS tag FROM traces)
    WHERE isfinite(try_cast(tag.value AS DOUBLE))
)
SELECT trace_id, trace, metric, arg_min(value, priority) AS value, arg_min(median, priority) AS median
FROM numbers
JOIN measured_sides USING (trace_id)
GROUP BY trace_id, trace, metric
