-- Records of CUDA events were not stored.

SELECT
    NULL::BIGINT AS event_record_id,
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS event_id,
    NULL::BIGINT AS time_ns,
    NULL::BIGINT AS completed_ns,
    NULL::INTEGER AS gpu_id,
    NULL::INTEGER AS device_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS correlation_id,
    NULL::BIGINT AS api_call_id,
    NULL::BIGINT AS range_id
FROM old.traces
WHERE false
