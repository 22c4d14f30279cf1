-- What does launching kernels cost in calls, delays and idle GPU time?
--
-- A call that launches several kernels (a CUDA graph in node mode) is charged once, to the kernel that starts
-- first. The delay counts from the end of the call and is 0 for a kernel that starts before its call returns.
-- The gap is the time for which the GPU did nothing before the kernel started, whatever the stream; what was
-- before the first operation of a GPU is not known.
-- @of     totals
-- @unites trace
-- @param  kernel VARCHAR = '*'    function name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
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
WITH names AS MATERIALIZED (
    SELECT
        hash(hash(name), hash(full_name)) AS name_id,
        called AS kernel,
        dense_rank() OVER (ORDER BY called)::INTEGER AS called_id
    FROM kernels_called($names, $kernel)
    WHERE is_asked AND name IS NOT NULL
),
-- What else keeps a GPU busy, too. All columns are sorted by, which is 32 bytes: the number of an operation
-- ends in what its kernel is called, twice, and 1 where its end is known.
operations AS (
    SELECT
        kernels.trace_id,
        gpu_id,
        start_ns,
        coalesce(end_ns, start_ns) AS end_ns,
        operation_number(
            'kernel',
            (kernel_id & 4294967295) * 268435456 + coalesce(called_id, 0) * 2 + (end_ns IS NOT NULL)::INTEGER
        ) AS number
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN names
        ON name_id = hash(hash(kernels.name), if(demangled IS NULL, hash(kernels.name), hash(demangled)))
    WHERE start_ns IS NOT NULL
    UNION ALL
    SELECT
        trace_id,
        gpu_id,
        start_ns,
        coalesce(end_ns, start_ns),
        operation_number(kind, (operation_id & 4294967295) * 268435456)
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE kind <> 'kernel'
),
idle AS (
    SELECT
        trace_id,
        (number & 268435455) // 2 AS called_id,
        CASE WHEN number % 2 = 1 THEN end_ns - start_ns END AS duration_ns,
        -- Not greatest(…, 0), which is 0 where nothing came before.
        CASE WHEN start_ns < busy_until_ns THEN 0 ELSE start_ns - busy_until_ns END AS gap_ns
    FROM in_turn('operations')
    WHERE called_id > 0
),
ran AS (
    SELECT
        trace,
        called_id,
        count(*) AS instances,
        sum(duration_ns)::BIGINT AS kernel_ns,
        coalesce(sum(gap_ns), 0)::BIGINT AS gap_ns,
        median(gap_ns) AS median_gap_ns,
        percent(coalesce(sum(gap_ns), 0), coalesce(sum(gap_ns), 0) + sum(duration_ns)) AS overhead_pct
    FROM idle
    JOIN traces USING (trace_id)
    GROUP BY trace, called_id
),
-- Most calls launch one kernel: the first of several is looked for where there are several. Calls as bits of
-- a word are soon counted.
crowded AS (
    SELECT api_call_id // 60 AS word
    FROM kernels
    WHERE api_call_id IS NOT NULL AND start_ns IS NOT NULL
    GROUP BY word
    HAVING count(*) > bit_count(bit_or(1::BIGINT << (api_call_id % 60)::INTEGER))
),
charged AS (
    SELECT api_call_id, arg_min(kernel_id, (start_ns, kernel_id)) AS kernel_id
    FROM kernels
    WHERE api_call_id // 60 IN (SELECT word FROM crowded) AND start_ns IS NOT NULL
    GROUP BY api_call_id
),
-- By numbers, as is all that has to be kept until its call is found.
numbered AS (
    SELECT
        trace_id,
        hash(hash(name), if(demangled IS NULL, hash(name), hash(demangled))) AS name_id,
        start_ns,
        api_call_id,
        kernels.kernel_id = coalesce(charged.kernel_id, kernels.kernel_id) AS is_charged
    FROM kernels
    LEFT JOIN charged USING (api_call_id)
    WHERE start_ns IS NOT NULL
),
launched AS (
    SELECT
        traces.trace,
        called_id,
        CASE WHEN is_charged THEN api_calls.duration_ns END AS api_ns,
        CASE WHEN numbered.start_ns < api_calls.end_ns THEN 0 ELSE numbered.start_ns - api_calls.end_ns END
            AS queue_ns
    FROM numbered
    JOIN api_calls USING (api_call_id)
    JOIN names USING (name_id)
    JOIN chosen_traces($trace) AS traces ON traces.trace_id = numbered.trace_id
),
called AS (
    SELECT
        trace,
        called_id,
        count(api_ns) AS calls,
        coalesce(sum(api_ns), 0)::BIGINT AS api_ns,
        median(api_ns) AS median_api_ns,
        median(queue_ns) AS median_queue_ns
    FROM launched
    GROUP BY trace, called_id
)
SELECT
    trace,
    kernel,
    instances,
    coalesce(calls, 0) AS calls,
    kernel_ns,
    coalesce(api_ns, 0) AS api_ns,
    median_api_ns,
    median_queue_ns,
    gap_ns,
    median_gap_ns,
    overhead_pct
FROM ran
JOIN (SELECT DISTINCT called_id, kernel FROM names) USING (called_id)
LEFT JOIN called USING (trace, called_id)
ORDER BY trace, gap_ns DESC, kernel
