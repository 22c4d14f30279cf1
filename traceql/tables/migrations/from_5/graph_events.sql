-- What was made of graphs was not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS time_ns,
    NULL::VARCHAR AS event,
    NULL::BIGINT AS graph_id,
    NULL::BIGINT AS original_graph_id,
    NULL::BIGINT AS graph_exec_id,
    NULL::BIGINT AS process_id,
    NULL::BIGINT AS pid,
    NULL::BIGINT AS tid,
    NULL::BIGINT AS range_id
FROM old.traces
WHERE false
