-- Which kernels take the GPU time, and how evenly?
--
-- NVIDIA's counterpart: nsys stats and recipe cuda_gpu_kern_sum.
-- Kernels inside CUDA graphs that were traced as a whole are not in the trace, so not in here.
-- @of     totals
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'full'  names of kernels, see the view kernel_names
-- @needs  kernels
-- @column trace VARCHAR              name of the trace
-- @column kernel VARCHAR             kernel name
-- @column instances BIGINT           executions
-- @column total_ns BIGINT            GPU time of all of them
-- @column share_pct DOUBLE           of the GPU time of all kernels of the trace
-- @column avg_ns DOUBLE              mean
-- @column q1_ns DOUBLE               first quartile
-- @column median_ns DOUBLE           median
-- @column q3_ns DOUBLE               third quartile
-- @column min_ns BIGINT              shortest
-- @column max_ns BIGINT              longest
-- @column stddev_ns DOUBLE           sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE              9 of 10 take no longer
-- @column p99_ns DOUBLE              99 of 100 take no longer
-- @chart  bars x=kernel y=total_ns

WITH timed AS (
    SELECT
        traces.trace,
        called AS kernel,
        kernels.duration_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC NULLS LAST, kernel
