-- NVTX ranges on the GPU: in each stream, from the first operation launched inside to the last one's end.

WITH work AS (
    SELECT gpu_id, process_id, context_id, stream_id, range_id, api_call_id, start_ns, end_ns
    FROM gpu_operations
    WHERE trace_id = $trace_id
),
-- Ranges around ranges follow from the innermost ones: these are far fewer than operations.
innermost AS (
    SELECT
        gpu_id,
        process_id,
        context_id,
        stream_id,
        range_id,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        count(*) AS operations
    FROM work
    WHERE range_id IS NOT NULL
    GROUP BY ALL
),
held AS (
    SELECT innermost.* REPLACE (ancestor_id AS range_id)
    FROM innermost
    JOIN range_ancestors ON range_ancestors.range_id = innermost.range_id
    UNION ALL
    SELECT gpu_id, process_id, context_id, stream_id, range_calls.range_id, start_ns, end_ns, 1
    FROM work
    JOIN range_calls USING (api_call_id)
),
spans AS (
    SELECT
        gpu_id,
        process_id,
        context_id,
        stream_id,
        range_id,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        sum(operations)::BIGINT AS gpu_operations
    FROM held
    GROUP BY ALL
)
SELECT
    'gpu' AS place,
    spans.process_id,
    NULL::BIGINT AS tid,
    gpu_id,
    context_id,
    stream_id,
    concat_ws(' ', 'NVTX', nullif(domain, ''), CASE style WHEN 'startend' THEN 'start/end' END) AS track,
    spans.start_ns,
    greatest(spans.start_ns, coalesce(spans.end_ns, spans.start_ns)) AS end_ns,
    coalesce(depth, 0) AS level,
    range_id AS event_id,
    text AS name,
    spans.gpu_operations,
    path AS range_path
FROM spans
JOIN nvtx_ranges USING (range_id)
