-- Calls of the operating system, on their threads.

SELECT
    'thread' AS place,
    process_id,
    tid,
    NULL::INTEGER AS gpu_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    'OS runtime' AS track,
    start_ns,
    greatest(start_ns, coalesce(end_ns, start_ns)) AS end_ns,
    0 AS level,
    os_call_id AS event_id,
    name
FROM os_calls
WHERE trace_id = $trace_id
