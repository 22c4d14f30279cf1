-- The API calls inside ranges that cross the range of the call, or one around it.
--
-- What outlasts the range in which it starts is in outlasting_calls.
-- @when  beside_timeline
-- @fills range_calls

-- Where no call outlasts a range, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS outlasting (api_call_id BIGINT);

INSERT INTO range_calls BY NAME
WITH calls AS (
    SELECT api_call_id, process_id | tid AS thread, start_ns, coalesce(end_ns, start_ns) AS end_ns
    FROM api_calls
    WHERE trace_id = getvariable('trace_id') AND process_id | tid IN (FROM crossed_threads)
        AND api_call_id NOT IN (SELECT api_call_id FROM outlasting)
),
beside AS (
    SELECT unnest(ranges) AS range_id, api_call_id, calls.end_ns
    FROM calls
    ASOF JOIN beside_timeline ON beside_timeline.thread = calls.thread AND at_ns <= start_ns
)
SELECT getvariable('trace_id') AS trace_id, range_id, api_call_id
FROM beside
JOIN stacked_ranges USING (range_id)
WHERE beside.end_ns <= stacked_ranges.end_ns
