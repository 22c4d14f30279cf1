-- Whether any call goes on after the end of the range in which it starts.
--
-- It is rare, for a thread ends a range after its calls return, and to see that takes less than to look for
-- such calls.
-- @when  nvtx_events

CREATE TEMP TABLE outlasted_ranges AS
SELECT 1
FROM api_calls
JOIN stacked_ranges USING (range_id)
WHERE trace_id = getvariable('trace_id')
HAVING bool_or(api_calls.end_ns > stacked_ranges.end_ns)
