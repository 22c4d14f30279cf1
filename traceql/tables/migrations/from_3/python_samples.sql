-- Samples of Python were not stored.

SELECT
    NULL::BIGINT AS python_sample_id,
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS time_ns,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS tid,
    NULL::VARCHAR AS thread_state,
    NULL::BIGINT AS stack_id,
    NULL::BIGINT AS range_id
FROM old.traces
WHERE false
