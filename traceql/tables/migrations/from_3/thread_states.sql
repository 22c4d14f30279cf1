-- Scheduling was not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns,
    NULL::BIGINT AS duration_ns,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS tid,
    NULL::BOOLEAN AS is_on_cpu,
    NULL::INTEGER AS cpu_id,
    NULL::VARCHAR AS thread_state,
    NULL::VARCHAR AS wait_reason
FROM old.traces
WHERE false
