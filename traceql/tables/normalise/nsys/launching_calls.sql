-- What GPU work refers to: one call per process and correlation id, which is unique within one process only.
--
-- A driver call inside a runtime call may share its id, and the outer one launched the work.

CREATE TEMP TABLE launching_calls AS
SELECT process_id, correlation_id, api_call_id, range_id
FROM api_calls
WHERE trace_id = getvariable('trace_id') AND layer <> 'other' AND correlation_id IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY process_id, correlation_id ORDER BY start_ns, end_ns DESC, api_call_id
) = 1
