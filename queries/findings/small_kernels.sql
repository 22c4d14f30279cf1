-- How much of the time goes into kernels that are very short, and very many?
--
-- Kernels whose median duration is below short_ns, when they are many together, from the first step behind
-- warm-up of their process on: what runs before is start-up, which top_kernels counts, too.
-- saving_ns: their time on the GPU, an upper bound: fused into their neighbours they cost no time of their
-- own. What launching them costs is said by launch_bound.
-- @of     timeline
-- @unites trace
-- @once   question
-- @param  short_ns BIGINT = 5000  a kernel is short whose median duration is below
-- @param  often BIGINT = 100      so many executions of short kernels are many
-- @param  least_pct DOUBLE = 1    share of the time from which on it is told
-- @needs  kernels timeline
-- @says   small_kernels {short_kernels} of {kernels|kernel execution|kernel executions}
--         {short_kernels?is|are} of kernels that take less than {short_ns}: {short_kernels_ns} together,
--         {kernel} most of it.
-- @try    small_kernels Fuse them: torch.compile, a fused norm, activation or optimizer, or one kernel for
--         many tensors (foreach).
-- @proof  small_kernels top_kernels limit=NULL

-- Numbers made of names are found sooner than names.
WITH named AS (
    SELECT hash(hash(name), hash(full_name)) AS name_id, called
    FROM kernels_called('distinct', '*')
    WHERE name IS NOT NULL
),
executed AS (
    SELECT
        trace_id,
        process_id,
        traces.trace,
        hash(hash(name), if(demangled IS NULL, hash(name), hash(demangled))) AS name_id,
        kernels.start_ns,
        end_ns,
        kernels.duration_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
timed AS (
    SELECT
        trace,
        called AS kernel,
        count(*) AS instances,
        sum(duration_ns) AS total_ns,
        median(duration_ns) AS median_ns,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM behind_start_up('executed')
    LEFT JOIN named USING (name_id)
    GROUP BY trace, called
),
found AS (
    SELECT
        trace,
        sum(instances)::BIGINT AS kernels,
        (sum(instances) FILTER (median_ns < $short_ns))::BIGINT AS short_kernels,
        (sum(total_ns) FILTER (median_ns < $short_ns))::BIGINT AS short_kernels_ns,
        arg_max(kernel, (total_ns, kernel)) FILTER (median_ns < $short_ns) AS kernel,
        min(start_ns) FILTER (median_ns < $short_ns) AS start_ns,
        max(end_ns) FILTER (median_ns < $short_ns) AS end_ns
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
    start_ns,
    end_ns
FROM found
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE short_kernels >= $often AND saving_pct >= $least_pct
ORDER BY trace
