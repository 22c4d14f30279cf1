-- What ran on the GPUs, in order?
--
-- NVIDIA's counterpart: nsys stats cuda_gpu_trace.
-- @param  trace VARCHAR = NULL     only this trace
-- @param  names VARCHAR = 'full'   full: C++ names with template arguments; short: function names only
-- @param  graphs BOOLEAN = true    count whole CUDA graphs as GPU work; NVIDIA's report leaves them out
-- @needs  kernels
-- @column trace VARCHAR            name of the trace
-- @column start_ns BIGINT          start on the GPU
-- @column duration_ns BIGINT       time on the GPU
-- @column correlation_id BIGINT    links to the API call; unique within one process only
-- @column grid_x INTEGER           blocks in x
-- @column grid_y INTEGER           blocks in y
-- @column grid_z INTEGER           blocks in z
-- @column block_x INTEGER          threads per block in x
-- @column block_y INTEGER          threads per block in y
-- @column block_z INTEGER          threads per block in z
-- @column registers_per_thread INTEGER  registers of each thread
-- @column static_shared_bytes BIGINT    static shared memory per block
-- @column dynamic_shared_bytes BIGINT   dynamic shared memory per block
-- @column bytes BIGINT             bytes moved or set
-- @column bytes_per_s DOUBLE       bytes ÷ duration
-- @column src_memory VARCHAR       kind of source memory of a copy
-- @column dst_memory VARCHAR       kind of destination memory; of a memset, the memory set
-- @column gpu VARCHAR              name of the GPU; NULL if the report does not map it
-- @column pid BIGINT               process
-- @column device_id INTEGER        CUDA device ordinal within the process
-- @column context_id BIGINT        CUDA context
-- @column stream_id BIGINT         CUDA stream
-- @column work VARCHAR             kernel, memcpy, memset or graph
-- @column name VARCHAR             kernel name, or what is copied or set
-- @column work_id BIGINT           kernel_id, memory_op_id or graph_launch_id

WITH devices AS (
    SELECT trace_id, device_id, any_value(name) AS gpu
    FROM gpus
    GROUP BY ALL
    -- One ordinal can mean different GPUs in different processes; then the report cannot say which.
    HAVING count(DISTINCT name) = 1
)
SELECT
    traces.name AS trace,
    gpu_work.start_ns,
    gpu_work.duration_ns,
    gpu_work.correlation_id,
    grid_x,
    grid_y,
    grid_z,
    block_x,
    block_y,
    block_z,
    registers_per_thread,
    static_shared_bytes,
    dynamic_shared_bytes,
    gpu_work.bytes,
    1e9 * gpu_work.bytes / nullif(gpu_work.duration_ns, 0) AS bytes_per_s,
    src_memory,
    dst_memory,
    devices.gpu,
    gpu_work.pid,
    gpu_work.device_id,
    gpu_work.context_id,
    gpu_work.stream_id,
    work,
    CASE $names WHEN 'full' THEN full_name WHEN 'short' THEN gpu_work.name ELSE error('names must be full or short') END AS name,
    work_id
FROM gpu_work
JOIN traces USING (trace_id)
LEFT JOIN kernels ON work = 'kernel' AND kernel_id = work_id
LEFT JOIN memory_ops ON work IN ('memcpy', 'memset') AND memory_op_id = work_id
LEFT JOIN devices ON devices.trace_id = gpu_work.trace_id AND devices.device_id = gpu_work.device_id
WHERE ($trace IS NULL OR traces.name = $trace) AND ($graphs OR work <> 'graph')
ORDER BY trace, gpu_work.start_ns, work, work_id
