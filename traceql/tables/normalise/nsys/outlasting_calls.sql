-- Calls that go on after the end of the range in which they start.
-- @when  outlasted_ranges

CREATE TEMP TABLE outlasting AS
SELECT api_call_id, range_id, process_id | tid AS thread, api_calls.start_ns, api_calls.end_ns
FROM api_calls
JOIN stacked_ranges USING (range_id)
WHERE trace_id = getvariable('trace_id') AND api_calls.end_ns > stacked_ranges.end_ns
