-- What does launching kernels cost in calls, delays and idle GPU time?
--
-- A call that launches several kernels (a CUDA graph in node mode) is charged once, to the kernel that starts
-- first. The delay counts from the end of the call and is 0 for a kernel that starts before its call returns.
-- The gap is the time for which the GPU did nothing before the kernel started, whatever the stream; what was
-- before the first operation of a GPU is not known.
-- @of     totals
-- @unites trace
-- @param  kernel VARCHAR = '*'    function name, or a pattern of it
-- @param  names VARCHAR = 'distinct'  short, full or distinct names, see the view kernel_names
-- @needs  kernels api_calls
-- @column trace VARCHAR           name of the trace
-- @column kernel VARCHAR          name of the kernel
-- @column instances BIGINT        executions
-- @column calls BIGINT            launching calls charged to this kernel
-- @column kernel_ns BIGINT        GPU time
-- @column api_ns BIGINT           time in the launching calls charged to this kernel
-- @column median_api_ns DOUBLE    median time in a launching call
-- @column median_queue_ns DOUBLE  median delay in the queue; NULL if no call was recorded
-- @column gap_ns BIGINT           idle GPU time before the kernel, in total
-- @column median_gap_ns DOUBLE    median of it; NULL if it is known of none
-- @column overhead_pct DOUBLE     idle time before the kernel in percent of idle and kernel time
-- @chart  bars x=kernel y=gap_ns
-- @section timeline 52 Gaps and launch overhead

-- Names of kernels are long, and far fewer than kernels.
WITH names AS (
    SELECT hash(hash(name), hash(full_name)) AS called_id, called AS kernel
    FROM kernels_called($names, $kernel)
    WHERE is_asked AND name IS NOT NULL
),
timed AS (
    SELECT
        kernels.trace_id,
        kernel_id,
        hash(hash(name), if(demangled IS NULL, hash(name), hash(demangled))) AS called_id,
        kernels.duration_ns,
        kernels.start_ns,
        kernels.api_call_id,
        busy_until_ns
    FROM operations_in_order AS operations
    JOIN kernels ON kernel_id = operation_id
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = kernels.trace_id
    WHERE kind = 'kernel'
),
-- Most calls launch one kernel: the first of several is looked for where there are several.
several AS (
    SELECT api_call_id FROM timed WHERE api_call_id IS NOT NULL GROUP BY api_call_id HAVING count(*) > 1
),
charged AS (
    SELECT api_call_id, arg_min(kernel_id, (start_ns, kernel_id)) AS kernel_id
    FROM timed
    SEMI JOIN several USING (api_call_id)
    GROUP BY api_call_id
),
launched AS (
    SELECT
        timed.trace_id,
        names.kernel,
        timed.duration_ns,
        -- Not greatest(…, 0), which is 0 where nothing came before, or no call was recorded.
        CASE WHEN timed.start_ns < busy_until_ns THEN 0 ELSE timed.start_ns - busy_until_ns END AS gap_ns,
        CASE WHEN timed.start_ns < api_calls.end_ns THEN 0 ELSE timed.start_ns - api_calls.end_ns END
            AS queue_ns,
        CASE WHEN timed.kernel_id = coalesce(charged.kernel_id, timed.kernel_id)
             THEN api_calls.duration_ns END AS api_ns
    FROM timed
    JOIN names USING (called_id)
    LEFT JOIN api_calls USING (api_call_id)
    LEFT JOIN charged USING (api_call_id)
)
SELECT
    traces.trace,
    kernel,
    count(*) AS instances,
    count(api_ns) AS calls,
    sum(launched.duration_ns)::BIGINT AS kernel_ns,
    coalesce(sum(api_ns), 0)::BIGINT AS api_ns,
    median(api_ns) AS median_api_ns,
    median(queue_ns) AS median_queue_ns,
    coalesce(sum(gap_ns), 0)::BIGINT AS gap_ns,
    median(gap_ns) AS median_gap_ns,
    percent(coalesce(sum(gap_ns), 0), coalesce(sum(gap_ns), 0) + sum(launched.duration_ns)) AS overhead_pct
FROM launched
JOIN traces USING (trace_id)
GROUP BY traces.trace, kernel
ORDER BY trace, gap_ns DESC, kernel
