-- Which copies and memsets take the time?
--
-- NVIDIA's counterpart: nsys stats cuda_gpu_mem_time_sum.
-- @of     totals
-- @unites trace
-- @needs  memory_ops
-- @column trace VARCHAR         name of the trace
-- @column operation VARCHAR     [CUDA memcpy Host-to-Device], [CUDA memset] …
-- @column instances BIGINT      how many
-- @column total_ns BIGINT       time on the GPU
-- @column share_pct DOUBLE      of the time of all copies and memsets of the trace
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for a single one
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=operation y=total_ns

WITH timed AS (
    SELECT traces.trace, operation, gpu_operations.duration_ns
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE gpu_operations.kind IN ('memcpy', 'memset')
)
SELECT * EXCLUDE (q1_ns, q3_ns)
FROM duration_spread(timed)
ORDER BY trace, total_ns DESC, operation
