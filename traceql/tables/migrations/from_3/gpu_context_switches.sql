-- Switches between contexts were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS time_ns,
    NULL::BIGINT AS switch_number,
    NULL::INTEGER AS gpu_id,
    NULL::BIGINT AS hardware_context_id,
    NULL::BIGINT AS owner_id,
    NULL::BIGINT AS owner_pid,
    NULL::VARCHAR AS switch_step
FROM old.traces
WHERE false
