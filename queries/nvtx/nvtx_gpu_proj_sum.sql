-- How long does the GPU work of each NVTX range take?
--
-- The GPU work of a range is what API calls inside it launched on its thread, or by --by process on any
-- thread of its process: kernels, copies, memsets and graphs traced as a whole. Its projection reaches from
-- the first start to the last end of this work. Ranges without GPU work are left out.
-- @of     totals
-- @unites trace
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches a range holds: thread or process
-- @param  exact BOOLEAN = true       keep texts apart that differ in numbers alone
-- @needs  nvtx_ranges
-- @column trace VARCHAR              name of the trace
-- @column domain VARCHAR             NVTX domain; empty for the default one
-- @column range VARCHAR              NVTX message
-- @column style VARCHAR              pushpop or startend
-- @column total_proj_ns BIGINT       length of all projections
-- @column total_range_ns BIGINT      time in the ranges on the CPU; NULL if none was closed
-- @column instances BIGINT           how often it ran with GPU work
-- @column avg_proj_ns DOUBLE         mean projection
-- @column median_proj_ns DOUBLE      median
-- @column min_proj_ns BIGINT         shortest
-- @column max_proj_ns BIGINT         longest
-- @column stddev_proj_ns DOUBLE      sample standard deviation; NULL for one instance
-- @column p90_proj_ns DOUBLE         9 of 10 take no longer
-- @column p99_proj_ns DOUBLE         99 of 100 take no longer
-- @column total_gpu_busy_ns BIGINT   time within the projections in which the range's work ran
-- @column gpu_operations BIGINT      kernels, copies, memsets and whole graphs
-- @column avg_gpu_operations DOUBLE  per instance
-- @column avg_depth DOUBLE           mean number of ranges around it
-- @column avg_children DOUBLE        mean number of push/pop ranges with GPU work directly inside
-- @chart  bars x=range y=total_proj_ns
-- @empty  No GPU work was launched inside a range: see how much is attributed with the query coverage.

WITH ranges AS NOT MATERIALIZED (
    FROM ranges_with_work('nvtx_ranges', $by)
),
children AS (
    SELECT parent_id AS range_id, count(*) AS children
    FROM ranges
    WHERE style = 'pushpop' AND parent_id IS NOT NULL AND gpu_operations > 0
    GROUP BY parent_id
)
SELECT
    trace,
    domain,
    range_called(text, $exact) AS range,
    style,
    sum(gpu_end_ns - gpu_start_ns)::BIGINT AS total_proj_ns,
    sum(ranges.duration_ns)::BIGINT AS total_range_ns,
    count(*) AS instances,
    avg(gpu_end_ns - gpu_start_ns) AS avg_proj_ns,
    median(gpu_end_ns - gpu_start_ns) AS median_proj_ns,
    min(gpu_end_ns - gpu_start_ns) AS min_proj_ns,
    max(gpu_end_ns - gpu_start_ns) AS max_proj_ns,
    whole_stddev(gpu_end_ns - gpu_start_ns) AS stddev_proj_ns,
    quantile_cont(gpu_end_ns - gpu_start_ns, 0.9) AS p90_proj_ns,
    quantile_cont(gpu_end_ns - gpu_start_ns, 0.99) AS p99_proj_ns,
    sum(gpu_busy_ns)::BIGINT AS total_gpu_busy_ns,
    sum(ranges.gpu_operations)::BIGINT AS gpu_operations,
    avg(ranges.gpu_operations) AS avg_gpu_operations,
    avg(depth) AS avg_depth,
    avg(coalesce(children, 0)) AS avg_children
FROM ranges
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN children USING (range_id)
WHERE ranges.gpu_operations > 0
GROUP BY trace, domain, range, style
ORDER BY trace, total_proj_ns DESC, domain, range, style
