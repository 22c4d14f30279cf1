-- How long do kernels take to launch, wait and run?
--
-- NVIDIA's counterpart: nsys stats cuda_kern_exec_sum.
-- The queue is the time from the end of the call to the start on the GPU; a kernel that started before its
-- call returned was not queued, and does not count in the queue's figures.
-- @param  trace VARCHAR = NULL     only this trace
-- @param  names VARCHAR = 'full'   full: C++ names with template arguments; short: function names only
-- @needs  kernels api_calls
-- @column trace VARCHAR            name of the trace
-- @column pid BIGINT               process
-- @column tid BIGINT               thread of the calls
-- @column device_id INTEGER        CUDA device ordinal within the process
-- @column api_name VARCHAR         launching function
-- @column kernel VARCHAR           kernel name
-- @column instances BIGINT         executions
-- @column queued BIGINT            executions that waited in the queue
-- @column total_avg_ns DOUBLE        mean of the time from the start of the call to the end of both the call and the kernel
-- @column total_median_ns DOUBLE     its median
-- @column total_min_ns BIGINT        its minimum
-- @column total_max_ns BIGINT        its maximum
-- @column total_stddev_ns DOUBLE     its sample standard deviation; NULL for a single value
-- @column api_avg_ns DOUBLE          mean of the time in the call
-- @column api_median_ns DOUBLE       its median
-- @column api_min_ns BIGINT          its minimum
-- @column api_max_ns BIGINT          its maximum
-- @column api_stddev_ns DOUBLE       its sample standard deviation; NULL for a single value
-- @column queue_avg_ns DOUBLE        mean of the time in the queue
-- @column queue_median_ns DOUBLE     its median
-- @column queue_min_ns BIGINT        its minimum
-- @column queue_max_ns BIGINT        its maximum
-- @column queue_stddev_ns DOUBLE     its sample standard deviation; NULL for a single value
-- @column kernel_avg_ns DOUBLE       mean of the time on the GPU
-- @column kernel_median_ns DOUBLE    its median
-- @column kernel_min_ns BIGINT       its minimum
-- @column kernel_max_ns BIGINT       its maximum
-- @column kernel_stddev_ns DOUBLE    its sample standard deviation; NULL for a single value
-- @chart  bars x=kernel y=queue_avg_ns

WITH executions AS (
    SELECT
        traces.name AS trace,
        kernels.pid,
        api_calls.tid,
        device_id,
        api_calls.name AS api_name,
        CASE $names WHEN 'full' THEN coalesce(demangled, kernels.name) WHEN 'short' THEN kernels.name ELSE error('names must be full or short') END AS kernel,
        greatest(kernels.end_ns, api_calls.end_ns) - api_calls.start_ns AS total_ns,
        api_calls.duration_ns AS api_ns,
        CASE WHEN kernels.start_ns >= api_calls.end_ns THEN kernels.start_ns - api_calls.end_ns END AS queue_ns,
        kernels.duration_ns AS kernel_ns
    FROM kernels
    JOIN api_calls USING (api_call_id)
    JOIN traces ON traces.trace_id = kernels.trace_id
    WHERE $trace IS NULL OR traces.name = $trace
)
SELECT
    trace,
    pid,
    tid,
    device_id,
    api_name,
    kernel,
    count(*) AS instances,
    count(queue_ns) AS queued,
    avg(total_ns) AS total_avg_ns,
    median(total_ns) AS total_median_ns,
    min(total_ns) AS total_min_ns,
    max(total_ns) AS total_max_ns,
    stddev_samp(total_ns) AS total_stddev_ns,
    avg(api_ns) AS api_avg_ns,
    median(api_ns) AS api_median_ns,
    min(api_ns) AS api_min_ns,
    max(api_ns) AS api_max_ns,
    stddev_samp(api_ns) AS api_stddev_ns,
    avg(queue_ns) AS queue_avg_ns,
    median(queue_ns) AS queue_median_ns,
    min(queue_ns) AS queue_min_ns,
    max(queue_ns) AS queue_max_ns,
    stddev_samp(queue_ns) AS queue_stddev_ns,
    avg(kernel_ns) AS kernel_avg_ns,
    median(kernel_ns) AS kernel_median_ns,
    min(kernel_ns) AS kernel_min_ns,
    max(kernel_ns) AS kernel_max_ns,
    stddev_samp(kernel_ns) AS kernel_stddev_ns
FROM executions
GROUP BY trace, pid, tid, device_id, api_name, kernel
ORDER BY trace, total_avg_ns DESC, pid, tid, device_id, api_name, kernel
