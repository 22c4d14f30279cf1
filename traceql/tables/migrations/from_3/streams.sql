-- Names and priorities of streams were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::INTEGER AS gpu_id,
    NULL::INTEGER AS device_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    NULL::VARCHAR AS stream,
    NULL::VARCHAR AS context,
    NULL::VARCHAR AS device_name,
    NULL::VARCHAR AS stream_type,
    NULL::INTEGER AS stream_priority
FROM old.traces
WHERE false
