-- Of calls that share an id, the outer one launched the work.
-- @when  shared_ids

CREATE TEMP TABLE outer_calls AS
SELECT process_id, correlation_id, api_call_id, range_id, start_ns AS called_ns
FROM api_calls
WHERE trace_id = getvariable('trace_id') AND layer <> 'other' AND correlation_id IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY process_id, correlation_id ORDER BY start_ns, end_ns DESC, api_call_id
) = 1;

CREATE OR REPLACE TEMP VIEW launching_calls AS
FROM outer_calls
