-- Events of other sources were not stored.

SELECT
    NULL::BIGINT AS generic_event_id,
    NULL::BIGINT AS trace_id,
    NULL::VARCHAR AS source,
    NULL::VARCHAR AS name,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns,
    NULL::BIGINT AS duration_ns,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS tid,
    NULL::JSON AS attributes
FROM old.traces
WHERE false
