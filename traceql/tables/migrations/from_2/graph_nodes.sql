-- A row was an event: a clone had two, its creation and that it is one. The range around them was not looked up.

SELECT
    trace_id,
    graph_node_id,
    min(original_graph_node_id) IS NULL AS is_original,
    min(original_graph_node_id) AS original_graph_node_id,
    min(created_ns) AS created_ns,
    pid,
    pid AS process_id,
    arg_min(tid, (created_ns, tid)) AS tid,
    NULL::BIGINT AS capture_range_id
FROM old.graph_nodes
GROUP BY trace_id, pid, graph_node_id
