-- Processes were known by their pids alone, GPUs by the ordinals that processes gave them, and what ended
-- before it started had a negative duration.

SELECT
    graph_launches.* REPLACE (
        CASE WHEN end_ns >= start_ns THEN end_ns END AS end_ns,
        CASE WHEN end_ns >= start_ns THEN duration_ns END AS duration_ns
    ),
    graph_launches.pid AS process_id,
    coalesce(ordinals.gpu_id, graph_launches.device_id) AS gpu_id
FROM old.graph_launches AS graph_launches
LEFT JOIN (
    SELECT trace_id, device_id, min(gpu_id) AS gpu_id
    FROM old.gpus
    GROUP BY trace_id, device_id
    HAVING min(gpu_id) = max(gpu_id)
) AS ordinals ON ordinals.trace_id = graph_launches.trace_id AND ordinals.device_id = graph_launches.device_id
