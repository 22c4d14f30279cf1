-- Samples of CPUs were not stored.

SELECT
    NULL::BIGINT AS cpu_sample_id,
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS time_ns,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS tid,
    NULL::INTEGER AS cpu_id,
    NULL::VARCHAR AS thread_state,
    NULL::BIGINT AS cpu_cycles,
    NULL::BIGINT AS stack_id,
    NULL::BIGINT AS address,
    NULL::BIGINT AS range_id
FROM old.traces
WHERE false
