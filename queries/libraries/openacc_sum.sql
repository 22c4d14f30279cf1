-- Where does the time of OpenACC go, by event and line of the source?
--
-- NVIDIA's counterpart: nsys stats openacc_sum. Events inside others (an upload inside a compute construct)
-- count in both.
-- @of     totals
-- @unites trace
-- @needs  library_calls
-- @column trace VARCHAR         name of the trace
-- @column event VARCHAR         Enqueue Launch, Wait …
-- @column source_file VARCHAR   source file, without its folder; NULL if not told
-- @column source_line INTEGER   line of the directive; NULL if not told
-- @column calls BIGINT          how many
-- @column total_ns BIGINT       time in all of them
-- @column share_pct DOUBLE      of the time in all events of OpenACC in the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=event y=total_ns
-- @empty  No event of OpenACC: record with nsys profile --trace=openacc.

WITH timed AS (
    SELECT trace, library_calls.name AS event, source_file, source_line, library_calls.duration_ns
    FROM library_calls
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN directives
        ON directives.trace_id = library_calls.trace_id
        AND directives.library_call_id = library_calls.library_call_id
    WHERE library = 'OpenACC'
)
SELECT * EXCLUDE (q1_ns, q3_ns) RENAME (instances AS calls)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC NULLS LAST, event, source_file, source_line
