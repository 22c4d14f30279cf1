-- Each kernel execution beside the API call that launched it (nsys).
--
-- The link is process and correlation id together: the id alone repeats between processes.
-- @column trace_id BIGINT     the trace it belongs to, see traces
-- @column kernel_id BIGINT    the kernel, see kernels
-- @column kernel VARCHAR      kernel name
-- @column pid BIGINT          process
-- @column tid BIGINT          thread that launched it; NULL if the call was not recorded
-- @column device_id INTEGER   CUDA device ordinal
-- @column stream_id BIGINT    CUDA stream
-- @column start_ns BIGINT     start on the GPU
-- @column duration_ns BIGINT  time on the GPU
-- @column api_call_id BIGINT  the call, see api_calls; NULL if it was not recorded
-- @column function VARCHAR    function that launched it
-- @column api_start_ns BIGINT  start of the call
-- @column api_duration_ns BIGINT  time in the call
-- @column queue_ns BIGINT     from the end of the call to the start on the GPU; negative if it started before

SELECT
    kernels.trace_id,
    kernel_id,
    kernels.name AS kernel,
    kernels.pid,
    api_calls.tid,
    device_id,
    stream_id,
    kernels.start_ns,
    kernels.duration_ns,
    kernels.api_call_id,
    api_calls.name AS function,
    api_calls.start_ns AS api_start_ns,
    api_calls.duration_ns AS api_duration_ns,
    kernels.start_ns - api_calls.end_ns AS queue_ns
FROM kernels
JOIN traces ON traces.trace_id = kernels.trace_id AND has_timeline
LEFT JOIN api_calls ON api_calls.api_call_id = kernels.api_call_id
