-- Which memsets block the CPU because they set host or managed memory?
--
-- NVIDIA's counterpart: nsys analyze cuda_memset_sync.
-- A memset of device memory returns at once; of pinned or managed memory only when it is done. Advice: use
-- the Async function on a stream.
-- @of     timeline
-- @unites trace
-- @param  limit BIGINT = 50     operations per trace; NULL for all
-- @needs  memory_ops api_calls
-- @column trace VARCHAR         name of the trace
-- @column duration_ns BIGINT    time on the GPU
-- @column start_ns BIGINT       start on the GPU
-- @column dst_memory VARCHAR    kind of memory that is set
-- @column bytes BIGINT          bytes set
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
WHERE memory_calls.kind = 'memset' AND NOT is_async AND dst_memory IN ('Pinned', 'Managed', 'Managed Static')
QUALIFY within_limit(
    row_number() OVER (
        PARTITION BY traces.trace ORDER BY memory_calls.duration_ns DESC, start_ns, memory_op_id
    ),
    $limit
)
ORDER BY trace, duration_ns DESC, start_ns, memory_op_id
