-- What GPU work refers to: one call per process and correlation id, which is unique within one process only.
--
-- A driver call inside a runtime call may share its id, and the outer one launched the work. Where ids rise
-- from call to call, as they mostly do, none is shared, and calls need not be sorted to see that.
-- @raw   CUPTI_ACTIVITY_KIND_RUNTIME
-- @reads globalTid     BIGINT
-- @reads correlationId BIGINT

-- A row if ids do not rise. Of all rows, which is faster to see.
CREATE TEMP TABLE mixed_ids AS
SELECT 1
FROM (
    SELECT globalTid, correlationId, lag(correlationId) OVER () AS id_before
    FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME
    WHERE correlationId IS NOT NULL
)
HAVING NOT (bool_and(correlationId > id_before) AND min(globalTid) >> 24 = max(globalTid) >> 24);

-- A view: a table of all calls would be more than may be in memory.
CREATE TEMP VIEW launching_calls AS
SELECT process_id, correlation_id, api_call_id, range_id, start_ns AS called_ns
FROM api_calls
WHERE trace_id = getvariable('trace_id') AND layer <> 'other' AND correlation_id IS NOT NULL
