-- Ranges without work, while another thread than theirs may have launched some.
-- @when  nvtx_events

CREATE TEMP TABLE idle_ranges AS
SELECT
    range_id,
    getvariable('trace_id') AS trace_id,
    thread & -16777216 AS process_id,
    thread & 16777215 AS tid,
    end_thread & 16777215 AS end_tid,
    start_ns,
    coalesce(end_ns, 9223372036854775807) AS until_ns
FROM nvtx_events
ANTI JOIN range_projections USING (range_id)
-- The threads that call at all.
JOIN (
    SELECT process_id, min(tid) AS first_tid, max(tid) AS last_tid
    FROM api_calls
    WHERE trace_id = getvariable('trace_id')
    GROUP BY process_id
) AS calling ON calling.process_id = thread & -16777216
WHERE event_type <> 34
    AND (end_thread <> thread OR first_tid <> thread & 16777215 OR last_tid <> thread & 16777215)
