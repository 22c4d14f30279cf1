-- NVTX ranges, or marks, on their threads, a track for each domain.

-- A range that was never closed lasts until the end of the recording; when a mark ends, nobody asks.
SELECT
    'thread' AS place,
    process_id,
    tid,
    NULL::INTEGER AS gpu_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    concat_ws(' ', 'NVTX', nullif(domain, ''), CASE style WHEN 'startend' THEN 'start/end' END) AS track,
    start_ns,
    greatest(start_ns, coalesce(end_ns, trace_duration_ns, start_ns)) AS end_ns,
    coalesce(depth, 0) AS level,
    range_id AS event_id,
    text AS name,
    category,
    payload,
    path AS range_path
FROM nvtx_ranges
JOIN traces USING (trace_id)
WHERE trace_id = $trace_id AND (style = 'mark') = $marks
