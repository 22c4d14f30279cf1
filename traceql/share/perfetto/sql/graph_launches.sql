-- CUDA graphs that were traced as a whole, on their streams.

SELECT
    'gpu' AS place,
    graph_launches.process_id,
    NULL::BIGINT AS tid,
    gpu_id,
    context_id,
    stream_id,
    NULL::VARCHAR AS track,
    graph_launches.start_ns,
    greatest(graph_launches.start_ns, coalesce(graph_launches.end_ns, graph_launches.start_ns)) AS end_ns,
    0 AS level,
    graph_launch_id AS event_id,
    'graph ' || graph_id AS name,
    graph_id AS graph,
    graph_exec_id AS graph_exec,
    correlation_id AS correlation,
    nvtx_ranges.path AS range_path
FROM graph_launches
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = graph_launches.range_id
WHERE graph_launches.trace_id = $trace_id
