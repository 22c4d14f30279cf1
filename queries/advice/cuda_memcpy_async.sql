-- Which asynchronous copies are not, because their host memory is pageable?
--
-- NVIDIA's counterpart: nsys analyze cuda_memcpy_async. A copy from or to pageable memory goes through a
-- staging buffer, and the call waits for it. Advice: allocate the host side with cudaMallocHost, or
-- pin_memory() in PyTorch.
-- @of     timeline
-- @unites trace
-- @param  limit BIGINT = 50     operations per trace; NULL for all
-- @needs  memory_ops api_calls
-- @column trace VARCHAR         name of the trace
-- @column duration_ns BIGINT    time on the GPU
-- @column start_ns BIGINT       start on the GPU
-- @column copy_kind VARCHAR     direction
-- @column src_memory VARCHAR    kind of source memory
-- @column dst_memory VARCHAR    kind of destination memory
-- @column bytes BIGINT          bytes moved
-- @column pid BIGINT            process
-- @column device_id INTEGER     CUDA device ordinal within the process
-- @column context_id BIGINT     CUDA context
-- @column stream_id BIGINT      CUDA stream
-- @column function VARCHAR      function that asked for it
-- @column memory_op_id BIGINT   the operation, see memory_ops

SELECT
    traces.trace,
    memory_calls.duration_ns,
    start_ns,
    copy_kind,
    src_memory,
    dst_memory,
    bytes,
    pid,
    device_id,
    context_id,
    stream_id,
    function,
    memory_op_id
FROM memory_calls
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE memory_calls.kind = 'memcpy' AND is_async AND 'Pageable' IN (src_memory, dst_memory)
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY traces.trace ORDER BY memory_calls.duration_ns DESC, start_ns, memory_op_id
    ),
    $limit
)
ORDER BY trace, duration_ns DESC, start_ns, memory_op_id
