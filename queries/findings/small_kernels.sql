-- How much of the time goes into kernels that are very short, and very many?
--
-- Kernels whose median duration is below short_ns, when they are at least 100 executions together.
-- saving_ns: their time on the GPU, an upper bound: fused into their neighbours they cost no time of their
-- own. What launching them costs is said by launch_bound.
-- @of     timeline
-- @unites trace
-- @param  short_ns BIGINT = 5000   a kernel is short whose median duration is below
-- @asks   timed top_kernels limit=NULL
-- @needs  timeline
-- @says   small_kernels {short_kernels} of {kernels} kernel executions are of kernels that take less than
--         {short_ns}: {short_kernels_ns} together, {kernel} most of it.
-- @try    small_kernels Fuse them: torch.compile, a fused norm, activation or optimizer, or one kernel for
--         many tensors (foreach).

WITH found AS (
    SELECT
        trace,
        sum(instances)::BIGINT AS kernels,
        (sum(instances) FILTER (median_ns < $short_ns))::BIGINT AS short_kernels,
        (sum(total_ns) FILTER (median_ns < $short_ns))::BIGINT AS short_kernels_ns,
        arg_max(kernel, (total_ns, kernel)) FILTER (median_ns < $short_ns) AS kernel
    FROM timed
    GROUP BY trace
)
SELECT
    trace,
    'small_kernels' AS code,
    severity_of(short_kernels_ns, whole_ns) AS severity,
    short_kernels_ns AS saving_ns,
    percent(short_kernels_ns, whole_ns) AS saving_pct,
    MAP {
        'kernels': kernels::DOUBLE,
        'short_kernels': short_kernels::DOUBLE,
        'short_kernels_ns': short_kernels_ns::DOUBLE,
        'short_ns': $short_ns::DOUBLE
    } AS numbers,
    MAP {'kernel': kernel} AS texts,
    NULL::VARCHAR AS range,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns
FROM found
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE short_kernels >= 100 AND severity IS NOT NULL
ORDER BY trace
