-- The API calls inside start/end ranges, by the range's thread.
--
-- Calls in the order of their thread: a range holds those of consecutive numbers that end inside it. A range
-- that another thread ended belongs to no thread and holds none (nsys leaves it out as well).
-- @when  startend_ranges
-- @fills range_calls

INSERT INTO range_calls BY NAME
WITH calls AS (
    SELECT api_call_id, process_id | tid AS thread, start_ns, end_ns,
           row_number() OVER (PARTITION BY process_id, tid ORDER BY start_ns, api_call_id) AS place
    FROM api_calls
    WHERE trace_id = getvariable('trace_id') AND process_id | tid IN (SELECT thread FROM startend_ranges)
),
starts AS (
    SELECT thread, start_ns, max(place) AS place FROM calls GROUP BY thread, start_ns
),
spans AS (
    SELECT
        ranges.range_id,
        ranges.thread,
        ranges.end_ns,
        coalesce(before.place, 0) + 1 AS first_place,
        last.place AS last_place
    FROM startend_ranges AS ranges
    ASOF LEFT JOIN starts AS before ON before.thread = ranges.thread AND before.start_ns < ranges.start_ns
    ASOF LEFT JOIN starts AS last ON last.thread = ranges.thread AND last.start_ns < ranges.end_ns
),
held AS (
    SELECT range_id, thread, end_ns, unnest(range(first_place, last_place + 1)) AS place
    FROM spans
    WHERE last_place >= first_place
)
SELECT getvariable('trace_id') AS trace_id, range_id, api_call_id
FROM held
JOIN calls USING (thread, place)
WHERE coalesce(calls.end_ns, calls.start_ns) <= held.end_ns
