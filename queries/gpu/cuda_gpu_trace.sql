-- What ran on the GPUs, in order?
--
-- NVIDIA's counterpart: nsys stats cuda_gpu_trace.
-- @of     timeline
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'full'  names of kernels, see the view kernel_names
-- @param  graphs BOOLEAN = true         count whole CUDA graphs as GPU work; NVIDIA's report leaves them out
-- @needs  kernels timeline
-- @column trace VARCHAR                 name of the trace
-- @column start_ns BIGINT               start on the GPU
-- @column duration_ns BIGINT            time on the GPU
-- @column correlation_id BIGINT         links to the API call; unique within one process only
-- @column grid_x BIGINT                 blocks in x
-- @column grid_y BIGINT                 blocks in y
-- @column grid_z BIGINT                 blocks in z
-- @column block_x BIGINT                threads per block in x
-- @column block_y BIGINT                threads per block in y
-- @column block_z BIGINT                threads per block in z
-- @column registers_per_thread INTEGER  registers of each thread
-- @column static_shared_bytes BIGINT    static shared memory per block
-- @column dynamic_shared_bytes BIGINT   dynamic shared memory per block
-- @column bytes BIGINT                  bytes moved or set
-- @column bytes_per_s DOUBLE            bytes ÷ duration
-- @column src_memory VARCHAR            kind of source memory of a copy
-- @column dst_memory VARCHAR            kind of destination memory; of a memset, the memory set
-- @column gpu VARCHAR                   name of the GPU; NULL if the report does not tell
-- @column pid BIGINT                    process
-- @column device_id INTEGER             CUDA device ordinal within the process
-- @column context_id BIGINT             CUDA context
-- @column stream_id BIGINT              CUDA stream
-- @column kind VARCHAR                  kernel, memcpy, memset or graph
-- @column operation VARCHAR             kernel name, or what is copied or set
-- @column operation_id BIGINT           kernel_id, memory_op_id or graph_launch_id

SELECT
    traces.trace,
    gpu_operations.start_ns,
    gpu_operations.duration_ns,
    gpu_operations.correlation_id,
    grid_x,
    grid_y,
    grid_z,
    block_x,
    block_y,
    block_z,
    registers_per_thread,
    static_shared_bytes,
    dynamic_shared_bytes,
    gpu_operations.bytes,
    per_second(gpu_operations.bytes, gpu_operations.duration_ns) AS bytes_per_s,
    src_memory,
    dst_memory,
    gpus.gpu_name AS gpu,
    gpu_operations.pid,
    gpu_operations.device_id,
    gpu_operations.context_id,
    gpu_operations.stream_id,
    gpu_operations.kind,
    coalesce(called, gpu_operations.operation) AS operation,
    operation_id
FROM gpu_operations
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN kernels_called($names, '*') AS named
    ON named.name = gpu_operations.operation AND named.full_name = gpu_operations.full_name
LEFT JOIN kernels ON gpu_operations.kind = 'kernel' AND kernel_id = operation_id
LEFT JOIN memory_ops ON gpu_operations.kind IN ('memcpy', 'memset') AND memory_op_id = operation_id
LEFT JOIN gpus ON gpus.trace_id = gpu_operations.trace_id AND gpus.gpu_id = gpu_operations.gpu_id
WHERE counts_as_work(gpu_operations.kind, $graphs)
ORDER BY trace, gpu_operations.start_ns, gpu_operations.kind, operation_id
