-- The API calls inside ranges that cross the range of the call, or one around it.
-- @when  beside_timeline
-- @fills range_calls

INSERT INTO range_calls BY NAME
SELECT getvariable('trace_id') AS trace_id, unnest(ranges) AS range_id, api_call_id
FROM (
    SELECT api_call_id, process_id | tid AS thread, start_ns
    FROM api_calls
    WHERE trace_id = getvariable('trace_id') AND process_id | tid IN (FROM crossed_threads)
) AS calls
ASOF JOIN beside_timeline ON beside_timeline.thread = calls.thread AND at_ns <= start_ns
