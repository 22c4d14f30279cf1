-- How long does a kernel take over the time of a trace, and does it get slower?
--
-- The time in which the kernels start is cut into slices of equal length; of each slice with executions: how
-- many started in it, and how long they took. Executions of several shapes take unlike times without any
-- drift: shapes counts their grids and blocks.
-- @of     timeline
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
-- @param  slices BIGINT = 100         into so many parts the time is cut
-- @param  limit BIGINT = 4            kernels per trace, those that take the most time; NULL for all
-- @needs  kernels
-- @needs  timeline
-- @column trace VARCHAR               name of the trace
-- @column kernel VARCHAR              name of the kernel
-- @column gpu_id INTEGER              the GPU, see gpus
-- @column slice BIGINT                number of the slice, from 0
-- @column start_ns BIGINT             start of the slice
-- @column end_ns BIGINT               where the next slice starts
-- @column instances BIGINT            executions that start in it
-- @column shapes BIGINT               different grids and blocks among them
-- @column total_ns BIGINT             durations of all of them
-- @column min_ns BIGINT               shortest
-- @column median_ns DOUBLE            median
-- @column p90_ns DOUBLE               9 of 10 take no longer
-- @column max_ns BIGINT               longest
-- @chart  durations x=start_ns x2=end_ns y=median_ns low=min_ns high=max_ns panel=kernel color=gpu_id
-- @empty  No kernel of that name: traceql query top-kernels lists them.

WITH executions AS (
    SELECT
        traces.trace,
        called AS kernel,
        gpu_id,
        start_ns,
        kernels.duration_ns,
        (grid_x, grid_y, grid_z, block_x, block_y, block_z) AS shape
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, $kernel) AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
    WHERE is_asked AND start_ns IS NOT NULL
),
longest AS (
    SELECT trace, kernel, sum(duration_ns) AS kernel_ns
    FROM executions
    GROUP BY trace, kernel
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY trace ORDER BY sum(duration_ns) DESC, kernel), $limit
    )
),
spans AS (
    SELECT
        trace,
        min(start_ns) AS first_ns,
        ceil((max(start_ns) - min(start_ns) + 1) / $slices)::BIGINT AS slice_ns
    FROM executions
    JOIN longest USING (trace, kernel)
    GROUP BY trace
),
placed AS (
    SELECT executions.*, kernel_ns, first_ns, slice_ns, (start_ns - first_ns) // slice_ns AS slice
    FROM executions
    JOIN longest USING (trace, kernel)
    JOIN spans USING (trace)
)
SELECT
    trace,
    kernel,
    gpu_id,
    slice,
    first_ns + slice * slice_ns AS start_ns,
    first_ns + (slice + 1) * slice_ns AS end_ns,
    count(*) AS instances,
    count(DISTINCT shape) AS shapes,
    sum(duration_ns)::BIGINT AS total_ns,
    min(duration_ns) AS min_ns,
    median(duration_ns) AS median_ns,
    quantile_cont(duration_ns, 0.9) AS p90_ns,
    max(duration_ns) AS max_ns
FROM placed
GROUP BY trace, kernel, kernel_ns, gpu_id, slice, first_ns, slice_ns
ORDER BY trace, kernel_ns DESC, kernel, gpu_id, slice
