-- Changes of memory pools were not stored.

SELECT
    NULL::BIGINT AS memory_pool_event_id,
    NULL::BIGINT AS trace_id,
    NULL::VARCHAR AS operation,
    NULL::BIGINT AS time_ns,
    NULL::BIGINT AS pool_address,
    NULL::VARCHAR AS pool_type,
    NULL::BIGINT AS pool_bytes,
    NULL::BIGINT AS pool_used_bytes,
    NULL::BIGINT AS release_threshold_bytes,
    NULL::BIGINT AS keep_bytes,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::INTEGER AS gpu_id,
    NULL::INTEGER AS device_id,
    NULL::BIGINT AS correlation_id,
    NULL::BIGINT AS api_call_id,
    NULL::BIGINT AS range_id
FROM old.traces
WHERE false
