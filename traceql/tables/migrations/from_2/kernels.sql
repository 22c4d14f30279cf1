-- Processes were known by their pids alone, GPUs by the ordinals that processes gave them, and what ended
-- before it started had a negative duration. The product of the six dimensions overflowed. What is new was
-- not stored.

SELECT
    kernels.* REPLACE (
        CASE WHEN end_ns >= start_ns THEN end_ns END AS end_ns,
        CASE WHEN end_ns < start_ns THEN NULL ELSE duration_ns END AS duration_ns,
        grid_x::BIGINT AS grid_x,
        grid_y::BIGINT AS grid_y,
        grid_z::BIGINT AS grid_z,
        block_x::BIGINT AS block_x,
        block_y::BIGINT AS block_y,
        block_z::BIGINT AS block_z
    ),
    kernels.pid AS process_id,
    coalesce(ordinals.gpu_id, kernels.device_id) AS gpu_id,
    NULL::BIGINT AS executed_shared_bytes,
    NULL::BIGINT AS local_memory_per_thread_bytes,
    NULL::VARCHAR AS launch_type
FROM old.kernels AS kernels
LEFT JOIN (
    SELECT trace_id, device_id, min(gpu_id) AS gpu_id
    FROM old.gpus
    GROUP BY trace_id, device_id
    HAVING min(gpu_id) = max(gpu_id)
) AS ordinals ON ordinals.trace_id = kernels.trace_id AND ordinals.device_id = kernels.device_id
