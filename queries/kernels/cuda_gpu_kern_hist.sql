-- How are the durations of each kernel distributed?
--
-- NVIDIA's counterpart: nsys recipe cuda_gpu_kern_hist. Bins of equal width from the shortest to the longest
-- execution of the kernel; the last one includes its end. A kernel that always takes the same time has one
-- bin. Empty bins are left out.
-- @of     totals
-- @unites trace
-- @param  kernel VARCHAR = '*'    name of the kernel, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  short (as NVIDIA's), full or distinct names, see
--         the view kernel_names
-- @param  bins BIGINT = 10        bins per kernel
-- @needs  kernels
-- @column trace VARCHAR           name of the trace
-- @column kernel VARCHAR          name of the kernel
-- @column bin BIGINT              number of the bin, from 0
-- @column from_ns DOUBLE          shortest duration of the bin
-- @column to_ns DOUBLE            where the next bin begins
-- @column instances BIGINT        executions in the bin
-- @column probability_pct DOUBLE  of all executions of the kernel in the trace
-- @column total_ns BIGINT         their durations together
-- @chart  histogram x=from_ns x2=to_ns y=instances panel=kernel weight=total_ns
-- @section timeline 31 Kernels | chart

WITH executions AS (
    SELECT
        traces.trace,
        called AS kernel,
        kernels.duration_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, $kernel) AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    WHERE is_asked
        AND kernels.duration_ns IS NOT NULL
),
spans AS (
    SELECT trace, kernel, min(duration_ns) AS min_ns, (max(duration_ns) - min(duration_ns)) / $bins AS bin_ns
    FROM executions
    GROUP BY trace, kernel
),
binned AS (
    SELECT
        *,
        CASE WHEN bin_ns = 0 THEN 0
             ELSE least(floor((duration_ns - min_ns) / bin_ns), $bins - 1) END::BIGINT AS bin
    FROM executions
    JOIN spans USING (trace, kernel)
)
SELECT
    trace,
    kernel,
    bin,
    min_ns + bin * bin_ns AS from_ns,
    min_ns + (bin + 1) * bin_ns AS to_ns,
    count(*) AS instances,
    100.0 * count(*) / sum(count(*)) OVER (PARTITION BY trace, kernel) AS probability_pct,
    sum(duration_ns)::BIGINT AS total_ns
FROM binned
GROUP BY trace, kernel, bin, min_ns, bin_ns
ORDER BY trace, kernel, bin
