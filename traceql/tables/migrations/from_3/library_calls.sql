-- Calls of libraries were not stored.

SELECT
    NULL::BIGINT AS library_call_id,
    NULL::BIGINT AS trace_id,
    NULL::VARCHAR AS library,
    NULL::VARCHAR AS call_class,
    NULL::VARCHAR AS name,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns,
    NULL::BIGINT AS duration_ns,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS tid,
    NULL::BIGINT AS range_id
FROM old.traces
WHERE false
