-- Which kernels take the most GPU time?
--
-- @param  trace VARCHAR = NULL  only this trace
-- @param  kernel VARCHAR = '%'  LIKE pattern on the kernel name
-- @param  limit BIGINT = 20     kernels per trace
-- @needs  kernels
-- @column trace VARCHAR         name of the trace
-- @column kernel VARCHAR        function name without template arguments
-- @column instances BIGINT      executions (nsys) or profiled workloads (ncu)
-- @column total_ns BIGINT       GPU time of all of them
-- @column share_pct DOUBLE      of the GPU time of all kernels of the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @chart  bars x=kernel y=total_ns
-- @section any 30 Kernels | expanded

WITH summed AS (
    SELECT
        traces.name AS trace,
        kernels.name AS kernel,
        count(*) AS instances,
        sum(kernels.duration_ns)::BIGINT AS total_ns,
        share_pct(sum(kernels.duration_ns), sum(sum(kernels.duration_ns)) OVER (PARTITION BY traces.name)) AS share_pct,
        avg(kernels.duration_ns) AS avg_ns,
        median(kernels.duration_ns) AS median_ns,
        min(kernels.duration_ns) AS min_ns,
        max(kernels.duration_ns) AS max_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    GROUP BY traces.name, kernels.name
)
FROM summed
WHERE is_like(kernel, $kernel)
QUALIFY row_number() OVER (PARTITION BY trace ORDER BY total_ns DESC NULLS LAST, kernel) <= $limit
ORDER BY trace, total_ns DESC NULLS LAST, kernel
