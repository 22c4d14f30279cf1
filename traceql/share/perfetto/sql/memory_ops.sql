-- Copies and memsets, on their streams.

SELECT
    'gpu' AS place,
    memory_ops.process_id,
    NULL::BIGINT AS tid,
    gpu_id,
    context_id,
    stream_id,
    NULL::VARCHAR AS track,
    memory_ops.start_ns,
    greatest(memory_ops.start_ns, coalesce(memory_ops.end_ns, memory_ops.start_ns)) AS end_ns,
    0 AS level,
    memory_op_id AS event_id,
    concat_ws(' ', kind, copy_kind) AS name,
    bytes,
    src_memory,
    dst_memory,
    src_device_id AS src_device,
    dst_device_id AS dst_device,
    memset_value,
    graph_node_id AS graph_node,
    correlation_id AS correlation,
    nvtx_ranges.path AS range_path
FROM memory_ops
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = memory_ops.range_id
WHERE memory_ops.trace_id = $trace_id
