-- Processes were known by their pids alone, GPUs by the ordinals that processes gave them, and what ended
-- before it started had a negative duration.

SELECT
    um_gpu_page_faults.* REPLACE (
        CASE WHEN end_ns >= start_ns THEN end_ns END AS end_ns,
        CASE WHEN end_ns >= start_ns THEN duration_ns END AS duration_ns
    ),
    um_gpu_page_faults.pid AS process_id,
    coalesce(ordinals.gpu_id, um_gpu_page_faults.device_id) AS gpu_id
FROM old.um_gpu_page_faults AS um_gpu_page_faults
LEFT JOIN (
    SELECT trace_id, device_id, min(gpu_id) AS gpu_id
    FROM old.gpus
    GROUP BY trace_id, device_id
    HAVING min(gpu_id) = max(gpu_id)
) AS ordinals
    ON ordinals.trace_id = um_gpu_page_faults.trace_id AND ordinals.device_id = um_gpu_page_faults.device_id
