-- What the profiler cost was not stored.

SELECT
    NULL::BIGINT AS profiler_overhead_id,
    NULL::BIGINT AS trace_id,
    NULL::VARCHAR AS activity,
    NULL::VARCHAR AS overhead_type,
    NULL::VARCHAR AS told_by,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns,
    NULL::BIGINT AS duration_ns,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS tid
FROM old.traces
WHERE false
