-- Where does the time in calls of MPI go?
--
-- NVIDIA's counterpart: nsys stats mpi_event_sum. It counts a call that awaits several requests once for each
-- (MPI_Waitall), and MPI_Sendrecv twice where its halves differ: so does by_request, which its headers imply.
-- Waiting for others counts as time: who comes early into a barrier is long in it.
-- @of     totals
-- @unites trace
-- @param  by_request BOOLEAN = false  count a call for each of its messages and requests, as nsys stats does
-- @needs  library_calls
-- @column trace VARCHAR         name of the trace
-- @column source VARCHAR        p2p, collectives, start-wait or other
-- @column function VARCHAR      function
-- @column instances BIGINT      how often it was called
-- @column total_ns BIGINT       time in all calls
-- @column share_pct DOUBLE      of the time in all calls of MPI in the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=function y=total_ns
-- @empty  No call of MPI: record with nsys profile --trace=mpi.

WITH parts AS (
    SELECT trace_id, library_call_id, count(*) AS parts FROM library_messages GROUP BY ALL
),
timed AS (
    SELECT
        trace,
        replace(call_class, '_', '-') AS source,
        library_calls.name AS function,
        library_calls.duration_ns,
        unnest(range(CASE WHEN $by_request THEN coalesce(parts, 1) ELSE 1 END)) AS part
    FROM library_calls
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN parts USING (trace_id, library_call_id)
    WHERE library = 'MPI'
),
known AS (SELECT * EXCLUDE (part) FROM timed)
SELECT * EXCLUDE (q1_ns, q3_ns)
FROM duration_spread(known)
ORDER BY trace, total_ns DESC NULLS LAST, source, function
