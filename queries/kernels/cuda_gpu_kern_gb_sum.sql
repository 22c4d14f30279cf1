-- Which kernels take the GPU time, by grid and block size?
--
-- NVIDIA's counterpart: nsys stats cuda_gpu_kern_gb_sum. A graph or range that was profiled as a whole has
-- none: ncu tells of it how its kernels were launched, each number of another one.
-- @of     totals
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'full'  names of kernels, see the view kernel_names
-- @needs  kernels
-- @column trace VARCHAR              name of the trace
-- @column kernel VARCHAR             kernel name
-- @column grid_x BIGINT              blocks in x
-- @column grid_y BIGINT              blocks in y
-- @column grid_z BIGINT              blocks in z
-- @column block_x BIGINT             threads per block in x
-- @column block_y BIGINT             threads per block in y
-- @column block_z BIGINT             threads per block in z
-- @column instances BIGINT           executions
-- @column total_ns BIGINT            GPU time of all of them
-- @column share_pct DOUBLE           of the GPU time of all kernels of the trace
-- @column avg_ns DOUBLE              mean
-- @column median_ns DOUBLE           median
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
        coalesce(workload, 'kernel') = 'kernel' AS is_kernel,
        if(is_kernel, kernels.grid_x, NULL) AS grid_x,
        if(is_kernel, kernels.grid_y, NULL) AS grid_y,
        if(is_kernel, kernels.grid_z, NULL) AS grid_z,
        if(is_kernel, kernels.block_x, NULL) AS block_x,
        if(is_kernel, kernels.block_y, NULL) AS block_y,
        if(is_kernel, kernels.block_z, NULL) AS block_z,
        kernels.duration_ns
    FROM kernels
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = kernels.name AND named.full_name = coalesce(demangled, kernels.name)
)
SELECT * EXCLUDE (is_kernel, q1_ns, q3_ns)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC NULLS LAST, kernel, grid_x, grid_y, grid_z, block_x, block_y, block_z
