-- What kind of work takes the GPU time: gemm, attention, norm, sampling …?
--
-- A kernel's category is that of the first pattern that matches its full name; the patterns, in order, are
-- the view kernel_patterns. What none of them matches is other: see top_kernel.
-- @of     totals
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
-- @needs  kernels
-- @column trace VARCHAR         name of the trace
-- @column category VARCHAR      kind of work
-- @column kernels BIGINT        different kernels, by full name
-- @column instances BIGINT      executions
-- @column total_ns BIGINT       GPU time of all of them
-- @column share_pct DOUBLE      of the GPU time of all kernels of the trace
-- @column top_kernel VARCHAR    name of the kernel with the most GPU time
-- @chart  bars x=category y=total_ns
-- @section any 40 Where the time goes | expanded

WITH summed AS (
    SELECT
        trace,
        coalesce(demangled, kernels.name, '') AS full_name,
        any_value(called) AS kernel,
        count(*) AS instances,
        sum(kernels.duration_ns) AS total_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    GROUP BY ALL
)
SELECT
    trace,
    category,
    count(*) AS kernels,
    sum(instances)::BIGINT AS instances,
    sum(total_ns)::BIGINT AS total_ns,
    percent(sum(total_ns), sum(sum(total_ns)) OVER (PARTITION BY trace)) AS share_pct,
    arg_max(kernel, (total_ns, kernel)) FILTER (total_ns IS NOT NULL) AS top_kernel
FROM summed
JOIN kernels_categorised USING (full_name)
GROUP BY trace, category
ORDER BY trace, total_ns DESC NULLS LAST, category
