-- Kernels, on their streams; with what ncu counted of the same launch, where that was asked for.

SELECT
    'gpu' AS place,
    kernels.process_id,
    NULL::BIGINT AS tid,
    kernels.gpu_id,
    context_id,
    stream_id,
    NULL::VARCHAR AS track,
    kernels.start_ns,
    greatest(kernels.start_ns, coalesce(kernels.end_ns, kernels.start_ns)) AS end_ns,
    0 AS level,
    kernel_id AS event_id,
    kernels.name,
    nullif(demangled, kernels.name) AS full_name,
    grid_x,
    grid_y,
    grid_z,
    block_x,
    block_y,
    block_z,
    registers_per_thread,
    static_shared_bytes,
    dynamic_shared_bytes,
    nullif(local_memory_per_thread_bytes, 0) AS local_memory_per_thread_bytes,
    graph_node_id AS graph_node,
    correlation_id AS correlation,
    nvtx_ranges.path AS range_path,
    profiled.* EXCLUDE (kernel_id)
FROM kernels
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = kernels.range_id
LEFT JOIN profiled USING (kernel_id)
WHERE kernels.trace_id = $trace_id AND kernels.start_ns IS NOT NULL
