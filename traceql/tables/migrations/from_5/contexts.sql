-- Contexts were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::INTEGER AS gpu_id,
    NULL::INTEGER AS device_id,
    NULL::BIGINT AS context_id,
    NULL::BOOLEAN AS is_green,
    NULL::BIGINT AS parent_context_id,
    NULL::BIGINT AS default_stream_id
FROM old.traces
WHERE false
