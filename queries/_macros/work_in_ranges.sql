-- What API calls inside ranges launched, or the calls themselves: each with each range that holds it.
--
-- By thread, a range holds the calls of its own thread that lie inside it: of ranges that hold each other, of
-- ranges that cross, and of start/end ranges. By process, it holds those of all threads of its process: of
-- one that another thread ended, too, and of the thread that runs PyTorch's backward pass.
--
-- Columns: holder_id, then those of the work.
-- @param  holders TABLE        rows with range_id: the ranges that are asked for
-- @param  work TABLE           rows with api_call_id and range_id, such as kernels, memory_ops or api_calls
-- @param  attribution VARCHAR  thread or process

WITH _holders AS (
    FROM query_table(holders)
),
_work AS NOT MATERIALIZED (
    FROM query_table(work)
),
chosen AS (
    SELECT range_id, trace_id, process_id, start_ns, coalesce(end_ns, 9223372036854775807) AS end_ns
    FROM nvtx_ranges
    WHERE range_id IN (SELECT range_id FROM _holders) AND style <> 'mark'
),
-- Calls in the order of their process: a range holds those of consecutive numbers that end inside it.
calls AS (
    SELECT api_call_id, trace_id, process_id, start_ns, end_ns,
           row_number() OVER (PARTITION BY trace_id, process_id ORDER BY start_ns, api_call_id) AS place
    FROM api_calls
    WHERE is_by_process(attribution) AND api_call_id IN (SELECT api_call_id FROM _work)
        AND (trace_id, process_id) IN (SELECT (trace_id, process_id) FROM chosen)
),
starts AS (
    SELECT trace_id, process_id, start_ns, max(place) AS place FROM calls GROUP BY ALL
),
spans AS (
    SELECT chosen.*, coalesce(before.place, 0) + 1 AS first_place, last.place AS last_place
    FROM chosen
    ASOF LEFT JOIN starts AS before
        ON before.trace_id = chosen.trace_id AND before.process_id = chosen.process_id
        AND before.start_ns < chosen.start_ns
    ASOF JOIN starts AS last
        ON last.trace_id = chosen.trace_id AND last.process_id = chosen.process_id
        AND last.start_ns < chosen.end_ns
    WHERE is_by_process(attribution)
),
places AS (
    SELECT range_id, trace_id, process_id, end_ns, unnest(range(first_place, last_place + 1)) AS place
    FROM spans
),
held AS (
    SELECT places.range_id, api_call_id
    FROM places
    JOIN calls USING (trace_id, process_id, place)
    WHERE coalesce(calls.end_ns, calls.start_ns) <= places.end_ns
    UNION ALL
    SELECT range_id, api_call_id
    FROM range_calls
    WHERE NOT is_by_process(attribution) AND range_id IN (SELECT range_id FROM chosen)
)
SELECT held.range_id AS holder_id, work_of_calls.*
FROM held
JOIN _work AS work_of_calls USING (api_call_id)
UNION ALL
SELECT ancestor_id, work_of_ranges.*
FROM _work AS work_of_ranges
JOIN range_ancestors ON range_ancestors.range_id = work_of_ranges.range_id
WHERE NOT is_by_process(attribution) AND ancestor_id IN (SELECT range_id FROM chosen)
