-- Which kernels take the most GPU time?
--
-- @of     totals
-- @unites trace
-- @param  kernel VARCHAR = '*'  kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
-- @param  limit BIGINT = 20     kernels per trace; NULL for all
-- @needs  kernels
-- @column trace VARCHAR         name of the trace
-- @column kernel VARCHAR        name of the kernel
-- @column instances BIGINT      executions (nsys) or profiled workloads (ncu)
-- @column total_ns BIGINT       GPU time of all of them
-- @column share_pct DOUBLE      of the GPU time of all kernels of the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=kernel y=total_ns
-- @section any 30 Kernels | expanded

-- Numbers made of names are found sooner than names.
WITH named AS (
    SELECT hash(hash(name), hash(full_name)) AS name_id, called, is_asked
    FROM kernels_called($names, $kernel)
    WHERE name IS NOT NULL
),
timed AS (
    SELECT traces.trace, called AS kernel, is_asked, kernels.duration_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN named
        ON name_id = hash(hash(kernels.name), if(demangled IS NULL, hash(kernels.name), hash(demangled)))
)
SELECT * EXCLUDE (is_asked, q1_ns, q3_ns, stddev_ns)
FROM duration_spread(timed)
WHERE is_asked
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY total_ns DESC NULLS LAST, kernel),
    $limit
)
ORDER BY trace, total_ns DESC NULLS LAST, kernel
