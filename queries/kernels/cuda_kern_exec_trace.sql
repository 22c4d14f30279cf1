-- How long did each kernel take to launch, wait and run?
--
-- NVIDIA's counterpart: nsys stats cuda_kern_exec_trace.
-- The queue is the time from the end of the call to the start on the GPU; a kernel that started before its
-- call returned was not queued. All kernels of one CUDA graph launch show the same call.
-- @of     timeline
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'full'  names of kernels, see the view kernel_names
-- @needs  kernels api_calls
-- @column trace VARCHAR              name of the trace
-- @column api_start_ns BIGINT        start of the launching call
-- @column api_duration_ns BIGINT     time in the call
-- @column queue_start_ns BIGINT      end of the call; NULL if the kernel was not queued
-- @column queue_duration_ns BIGINT   time in the queue; NULL if the kernel was not queued
-- @column kernel_start_ns BIGINT     start on the GPU
-- @column kernel_duration_ns BIGINT  time on the GPU
-- @column total_ns BIGINT            from the start of the call to the end of both the call and the kernel
-- @column pid BIGINT                 process
-- @column tid BIGINT                 thread of the call
-- @column device_id INTEGER          CUDA device ordinal within the process
-- @column function VARCHAR           launching function
-- @column grid_x BIGINT              blocks in x
-- @column grid_y BIGINT              blocks in y
-- @column grid_z BIGINT              blocks in z
-- @column block_x BIGINT             threads per block in x
-- @column block_y BIGINT             threads per block in y
-- @column block_z BIGINT             threads per block in z
-- @column kernel VARCHAR             kernel name
-- @column kernel_id BIGINT           the kernel, see kernels

SELECT
    trace,
    api_calls.start_ns AS api_start_ns,
    api_calls.duration_ns AS api_duration_ns,
    CASE WHEN kernels.start_ns >= api_calls.end_ns THEN api_calls.end_ns END AS queue_start_ns,
    CASE WHEN kernels.start_ns >= api_calls.end_ns
         THEN kernels.start_ns - api_calls.end_ns END AS queue_duration_ns,
    kernels.start_ns AS kernel_start_ns,
    kernels.duration_ns AS kernel_duration_ns,
    later_of(kernels.end_ns, api_calls.end_ns) - api_calls.start_ns AS total_ns,
    kernels.pid,
    api_calls.tid,
    device_id,
    api_calls.name AS function,
    grid_x, grid_y, grid_z, block_x, block_y, block_z,
    called AS kernel,
    kernel_id
FROM kernels
JOIN api_calls USING (api_call_id)
JOIN chosen_traces($trace) AS traces ON traces.trace_id = kernels.trace_id
LEFT JOIN kernels_called($names, '*') AS named
    ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
ORDER BY trace, api_start_ns, kernel_start_ns, kernel_id
