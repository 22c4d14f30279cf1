-- Which CUDA API functions take the time?
--
-- NVIDIA's counterpart: nsys stats cuda_api_sum.
-- Runtime and driver functions together, as NVIDIA's report has them; api_summary tells them apart.
-- @of     totals
-- @unites trace
-- @needs  api_calls
-- @column trace VARCHAR         name of the trace
-- @column function VARCHAR      function
-- @column calls BIGINT          how often it was called
-- @column total_ns BIGINT       time in all calls
-- @column share_pct DOUBLE      of the time in all calls of the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=function y=total_ns

WITH counted AS (
    SELECT trace_id, name AS function, api_calls.duration_ns, count(*) AS times FROM api_calls GROUP BY ALL
),
tallied AS (
    SELECT trace, function, counted.duration_ns, times, times AS instances
    FROM counted
    JOIN chosen_traces($trace) AS traces USING (trace_id)
)
SELECT
    trace,
    function,
    instances AS calls,
    total_ns,
    percent(total_ns, sum(total_ns) OVER (PARTITION BY trace)) AS share_pct,
    avg_ns,
    median_ns,
    min_ns,
    max_ns,
    stddev_ns,
    p90_ns,
    p99_ns
FROM tallied_spread(tallied)
ORDER BY trace, total_ns DESC, function
