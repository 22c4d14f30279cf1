-- What takes the GPU time: kernels, copies, memsets, graphs?
--
-- NVIDIA's counterpart: nsys stats cuda_gpu_sum.
-- @of     totals
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'full'  names of kernels, see the view kernel_names
-- @param  graphs BOOLEAN = true      count whole CUDA graphs as GPU work; NVIDIA's report leaves them out
-- @needs  kernels timeline
-- @column trace VARCHAR              name of the trace
-- @column category VARCHAR           CUDA_KERNEL, MEMORY_OPER or CUDA_GRAPH
-- @column operation VARCHAR          kernel name, or what is copied or set
-- @column instances BIGINT           how many
-- @column total_ns BIGINT            GPU time of all of them
-- @column share_pct DOUBLE           of the GPU time of everything listed for the trace
-- @column avg_ns DOUBLE              mean
-- @column median_ns DOUBLE           median
-- @column min_ns BIGINT              shortest
-- @column max_ns BIGINT              longest
-- @column stddev_ns DOUBLE           sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE              9 of 10 take no longer
-- @column p99_ns DOUBLE              99 of 100 take no longer
-- @chart  bars x=operation y=total_ns

WITH timed AS (
    SELECT
        traces.trace,
        nsys_category(gpu_operations.kind) AS category,
        coalesce(called, operation) AS operation,
        gpu_operations.duration_ns
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = gpu_operations.operation AND named.full_name = gpu_operations.full_name
    WHERE counts_as_work(gpu_operations.kind, $graphs)
)
SELECT * EXCLUDE (q1_ns, q3_ns)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC, category, operation
