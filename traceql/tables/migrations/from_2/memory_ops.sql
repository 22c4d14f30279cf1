-- Processes were known by their pids alone, GPUs by the ordinals that processes gave them, and what ended
-- before it started had a negative duration.

SELECT
    memory_ops.* REPLACE (
        CASE WHEN end_ns >= start_ns THEN end_ns END AS end_ns,
        CASE WHEN end_ns >= start_ns THEN duration_ns END AS duration_ns
    ),
    memory_ops.pid AS process_id,
    coalesce(ordinals.gpu_id, memory_ops.device_id) AS gpu_id
FROM old.memory_ops AS memory_ops
LEFT JOIN (
    SELECT trace_id, device_id, min(gpu_id) AS gpu_id
    FROM old.gpus
    GROUP BY trace_id, device_id
    HAVING min(gpu_id) = max(gpu_id)
) AS ordinals ON ordinals.trace_id = memory_ops.trace_id AND ordinals.device_id = memory_ops.device_id
