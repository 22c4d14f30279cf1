-- Whether any event has times that cannot be right.
--
-- Mostly none has, and to see that takes less than to look for such events. Ranges of NVTX and samples may be
-- older than the recording: they are not asked for that.
-- @raw   ANALYSIS_DETAILS
-- @reads duration BIGINT

-- When the recording ends; NULL where that is not known, and then no event is too late.
SET VARIABLE recorded_ns = (SELECT max(duration) FROM raw_ANALYSIS_DETAILS);

-- Where no operations meet, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS odd_work (
    of_table INTEGER, id BIGINT, overrun_ns BIGINT, is_repeated BOOLEAN
);

CREATE TEMP TABLE suspicions AS
SELECT 1
FROM (
    SELECT start_ns, end_ns FROM gpu_work
    UNION ALL
    SELECT start_ns, end_ns FROM syncs WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT start_ns, end_ns FROM api_calls WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT start_ns, end_ns FROM os_calls WHERE trace_id = getvariable('trace_id')
)
WHERE end_ns IS NULL OR start_ns < 0 OR end_ns > getvariable('recorded_ns')
UNION ALL
SELECT 1 FROM nvtx_ranges WHERE trace_id = getvariable('trace_id') AND end_ns < start_ns
UNION ALL
SELECT 1 FROM odd_work
UNION ALL
SELECT 1
FROM gpu_operations
JOIN api_calls USING (api_call_id)
HAVING bool_or(gpu_operations.start_ns < api_calls.start_ns)
