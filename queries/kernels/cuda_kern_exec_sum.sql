-- How long do kernels take to launch, wait and run?
--
-- NVIDIA's counterpart: nsys stats cuda_kern_exec_sum.
-- The queue is the time from the end of the call to the start on the GPU; a kernel that started before its
-- call returned was not queued, and does not count in the queue's figures.
-- @of     timeline
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'full'  names of kernels, see the view kernel_names
-- @needs  kernels api_calls
-- @column trace VARCHAR              name of the trace
-- @column pid BIGINT                 process
-- @column tid BIGINT                 thread of the calls
-- @column device_id INTEGER          CUDA device ordinal within the process
-- @column function VARCHAR           launching function
-- @column kernel VARCHAR             kernel name
-- @column instances BIGINT           executions
-- @column queued BIGINT              executions that waited in the queue
-- @column avg_total_ns DOUBLE        mean time from the start of the call to the end of both, call and kernel
-- @column median_total_ns DOUBLE     its median
-- @column min_total_ns BIGINT        its minimum
-- @column max_total_ns BIGINT        its maximum
-- @column stddev_total_ns DOUBLE     its sample standard deviation; NULL for a single value
-- @column p90_total_ns DOUBLE        9 of 10 are no longer
-- @column p99_total_ns DOUBLE        99 of 100 are no longer
-- @column avg_api_ns DOUBLE          mean of the time in the call
-- @column median_api_ns DOUBLE       its median
-- @column min_api_ns BIGINT          its minimum
-- @column max_api_ns BIGINT          its maximum
-- @column stddev_api_ns DOUBLE       its sample standard deviation; NULL for a single value
-- @column p90_api_ns DOUBLE          9 of 10 are no longer
-- @column p99_api_ns DOUBLE          99 of 100 are no longer
-- @column avg_queue_ns DOUBLE        mean of the time in the queue
-- @column median_queue_ns DOUBLE     its median
-- @column min_queue_ns BIGINT        its minimum
-- @column max_queue_ns BIGINT        its maximum
-- @column stddev_queue_ns DOUBLE     its sample standard deviation; NULL for a single value
-- @column p90_queue_ns DOUBLE        9 of 10 are no longer
-- @column p99_queue_ns DOUBLE        99 of 100 are no longer
-- @column avg_kernel_ns DOUBLE       mean of the time on the GPU
-- @column median_kernel_ns DOUBLE    its median
-- @column min_kernel_ns BIGINT       its minimum
-- @column max_kernel_ns BIGINT       its maximum
-- @column stddev_kernel_ns DOUBLE    its sample standard deviation; NULL for a single value
-- @column p90_kernel_ns DOUBLE       9 of 10 are no longer
-- @column p99_kernel_ns DOUBLE       99 of 100 are no longer
-- @chart  bars x=kernel y=avg_queue_ns

-- Who executed what is a number while executions meet their calls: names are long, and few.
WITH executed AS (
    SELECT
        trace,
        keys.*,
        called AS kernel,
        (dense_rank() OVER (ORDER BY trace_id, process_id, pid, device_id, called))::INTEGER AS executed_id
    FROM (
        SELECT DISTINCT trace_id, process_id, pid, device_id, name, coalesce(demangled, name) AS full_name
        FROM kernels
    ) AS keys
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = keys.name AND named.full_name = keys.full_name
),
numbered AS MATERIALIZED (
    SELECT executed_id, api_call_id, start_ns, end_ns, duration_ns
    FROM kernels
    JOIN executed
        ON executed.trace_id = kernels.trace_id
        AND executed.name = kernels.name
        AND executed.full_name = coalesce(demangled, kernels.name)
        AND executed.process_id IS NOT DISTINCT FROM kernels.process_id
        AND executed.pid IS NOT DISTINCT FROM kernels.pid
        AND executed.device_id IS NOT DISTINCT FROM kernels.device_id
),
executions AS (
    SELECT
        executed_id,
        api_calls.tid,
        api_calls.name AS function,
        later_of(kernels.end_ns, api_calls.end_ns) - api_calls.start_ns AS total_ns,
        api_calls.duration_ns AS api_ns,
        CASE WHEN kernels.start_ns >= api_calls.end_ns
             THEN kernels.start_ns - api_calls.end_ns END AS queue_ns,
        kernels.duration_ns AS kernel_ns
    FROM numbered AS kernels
    JOIN api_calls USING (api_call_id)
),
spreads AS (
    SELECT
        executed_id,
        tid,
        function,
        count(*) AS instances,
        count(queue_ns) AS queued,
        avg(total_ns) AS avg_total_ns,
        quantile_cont(total_ns, [0.5, 0.9, 0.99]) AS total_quantiles,
        min(total_ns) AS min_total_ns,
        max(total_ns) AS max_total_ns,
        whole_stddev(total_ns) AS stddev_total_ns,
        avg(api_ns) AS avg_api_ns,
        quantile_cont(api_ns, [0.5, 0.9, 0.99]) AS api_quantiles,
        min(api_ns) AS min_api_ns,
        max(api_ns) AS max_api_ns,
        whole_stddev(api_ns) AS stddev_api_ns,
        avg(queue_ns) AS avg_queue_ns,
        quantile_cont(queue_ns, [0.5, 0.9, 0.99]) AS queue_quantiles,
        min(queue_ns) AS min_queue_ns,
        max(queue_ns) AS max_queue_ns,
        whole_stddev(queue_ns) AS stddev_queue_ns,
        avg(kernel_ns) AS avg_kernel_ns,
        quantile_cont(kernel_ns, [0.5, 0.9, 0.99]) AS kernel_quantiles,
        min(kernel_ns) AS min_kernel_ns,
        max(kernel_ns) AS max_kernel_ns,
        whole_stddev(kernel_ns) AS stddev_kernel_ns
    FROM executions
    GROUP BY executed_id, tid, function
)
SELECT
    trace,
    pid,
    tid,
    device_id,
    function,
    kernel,
    instances,
    queued,
    avg_total_ns,
    total_quantiles[1] AS median_total_ns,
    min_total_ns,
    max_total_ns,
    stddev_total_ns,
    total_quantiles[2] AS p90_total_ns,
    total_quantiles[3] AS p99_total_ns,
    avg_api_ns,
    api_quantiles[1] AS median_api_ns,
    min_api_ns,
    max_api_ns,
    stddev_api_ns,
    api_quantiles[2] AS p90_api_ns,
    api_quantiles[3] AS p99_api_ns,
    avg_queue_ns,
    queue_quantiles[1] AS median_queue_ns,
    min_queue_ns,
    max_queue_ns,
    stddev_queue_ns,
    queue_quantiles[2] AS p90_queue_ns,
    queue_quantiles[3] AS p99_queue_ns,
    avg_kernel_ns,
    kernel_quantiles[1] AS median_kernel_ns,
    min_kernel_ns,
    max_kernel_ns,
    stddev_kernel_ns,
    kernel_quantiles[2] AS p90_kernel_ns,
    kernel_quantiles[3] AS p99_kernel_ns
FROM spreads
JOIN (
    SELECT DISTINCT executed_id, trace, process_id, pid, device_id, kernel FROM executed
) AS executed USING (executed_id)
ORDER BY trace, avg_total_ns DESC, pid, process_id, tid, device_id, function, kernel
