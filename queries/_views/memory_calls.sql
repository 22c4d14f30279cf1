-- Each copy and memset beside the API call that asked for it, where that was recorded (nsys).
--
-- Those of CUDA graphs are left out: the call that launched the graph asked for no single one of them. So are
-- those of calls that do something else, as loading a module does, which its first launch may do.
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column memory_op_id BIGINT  the operation, see memory_ops
-- @column kind VARCHAR         memcpy or memset
-- @column copy_kind VARCHAR    direction; NULL for memsets
-- @column src_memory VARCHAR   kind of source memory
-- @column dst_memory VARCHAR   kind of destination memory
-- @column bytes BIGINT         bytes moved or set
-- @column pid BIGINT           process
-- @column device_id INTEGER    CUDA device ordinal within the process
-- @column context_id BIGINT    CUDA context
-- @column stream_id BIGINT     CUDA stream
-- @column start_ns BIGINT      start on the GPU
-- @column duration_ns BIGINT   time on the GPU
-- @column function VARCHAR     function that asked for it
-- @column is_async BOOLEAN     whether the function's name says that it need not wait for the end

SELECT
    memory_ops.trace_id,
    trace,
    memory_op_id,
    kind,
    copy_kind,
    src_memory,
    dst_memory,
    bytes,
    memory_ops.pid,
    device_id,
    context_id,
    stream_id,
    memory_ops.start_ns,
    memory_ops.duration_ns,
    api_calls.name AS function,
    api_calls.name ILIKE '%async%' AS is_async
FROM memory_ops
JOIN traces USING (trace_id)
JOIN api_calls USING (api_call_id)
WHERE graph_node_id IS NULL AND api_calls.name LIKE 'cu%Mem%'
