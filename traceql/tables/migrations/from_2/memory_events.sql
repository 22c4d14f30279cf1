-- Allocations were not stored.

SELECT
    NULL::BIGINT AS memory_event_id,
    NULL::BIGINT AS trace_id,
    NULL::VARCHAR AS operation,
    NULL::BIGINT AS time_ns,
    NULL::BIGINT AS bytes,
    NULL::VARCHAR AS memory_kind,
    NULL::BIGINT AS virtual_address,
    NULL::VARCHAR AS variable,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::INTEGER AS gpu_id,
    NULL::INTEGER AS device_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    NULL::BIGINT AS pool_address,
    NULL::BIGINT AS pool_bytes,
    NULL::BIGINT AS correlation_id,
    NULL::BIGINT AS api_call_id,
    NULL::BIGINT AS range_id
FROM old.memory_ops
WHERE false
