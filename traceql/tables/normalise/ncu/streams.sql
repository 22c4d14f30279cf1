-- One row per CUDA stream that NVTX gave a name, or its context: reports of ncu tell of no others.
-- @raw   ncu_streams
-- @reads action  BIGINT
-- @reads context VARCHAR
-- @reads stream  VARCHAR
-- @of    ncu_streams
-- @fills streams

INSERT INTO streams BY NAME
SELECT
    trace_id,
    process_id,
    pid,
    gpu_id,
    device_id,
    context_id,
    stream_id,
    -- As of nsys, where one was named twice.
    min(stream) AS stream,
    min(context) AS context
FROM raw_ncu_streams
JOIN kernels ON kernel_id = (getvariable('trace_id') << 32) + action + 1
GROUP BY ALL
ORDER BY process_id, context_id, stream_id
