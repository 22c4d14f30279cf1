-- Where does the time of OpenMP go?
--
-- NVIDIA's counterpart: nsys stats openmp_sum. Times of all threads add up, and events inside others (a
-- barrier inside a parallel region) count in both.
-- @of     totals
-- @unites trace
-- @needs  library_calls
-- @column trace VARCHAR         name of the trace
-- @column event VARCHAR         Parallel Region, Implicit Barrier …; empty for what has no name (locks)
-- @column instances BIGINT      how many
-- @column total_ns BIGINT       time in all of them
-- @column share_pct DOUBLE      of the time in all events of OpenMP in the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=event y=total_ns
-- @empty  No event of OpenMP: record with nsys profile --trace=openmp.

WITH timed AS (
    SELECT trace, coalesce(library_calls.name, '') AS event, library_calls.duration_ns
    FROM library_calls
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE library = 'OpenMP'
)
SELECT * EXCLUDE (q1_ns, q3_ns)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC NULLS LAST, event
