-- Which kernels take the most GPU time?
--
-- @of     totals
-- @param  kernel VARCHAR = '*'  kernel name, or a pattern of it
-- @param  limit BIGINT = 20     kernels per trace; NULL for all
-- @needs  kernels
-- @column trace VARCHAR         name of the trace
-- @column kernel VARCHAR        function name without template arguments
-- @column instances BIGINT      executions (nsys) or profiled workloads (ncu)
-- @column total_ns BIGINT       GPU time of all of them
-- @column share_pct DOUBLE      of the GPU time of all kernels of the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @chart  bars x=kernel y=total_ns
-- @section any 30 Kernels | expanded

WITH timed AS (
    SELECT traces.name AS trace, kernels.name AS kernel, kernels.duration_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
)
SELECT * EXCLUDE (q1_ns, q3_ns, stddev_ns)
FROM duration_spread(timed)
WHERE is_like(kernel, $kernel)
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY total_ns DESC NULLS LAST, kernel),
    $limit
)
ORDER BY trace, total_ns DESC NULLS LAST, kernel
