-- Where does the time in CUDA API calls go?
--
-- A runtime call contains its driver calls: compare totals within one layer.
-- @of     totals
-- @unites trace
-- @param  layer VARCHAR = '*'   name or pattern of the layer: runtime, driver
-- @needs  api_calls
-- @column trace VARCHAR         name of the trace
-- @column layer VARCHAR         runtime, driver or other
-- @column function VARCHAR      function
-- @column calls BIGINT          how often it was called
-- @column total_ns BIGINT       time in all calls
-- @column share_pct DOUBLE      of the time in all calls of the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for one call
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=function y=total_ns
-- @section timeline 53 Gaps and launch overhead

WITH timed AS (
    SELECT trace, layer, api_calls.name AS function, api_calls.duration_ns
    FROM api_calls
    JOIN chosen_traces($trace) AS traces USING (trace_id)
)
SELECT * EXCLUDE (q1_ns, q3_ns) RENAME (instances AS calls)
FROM duration_spread(timed)
WHERE is_like(layer, $layer)
ORDER BY trace, total_ns DESC, layer, function
