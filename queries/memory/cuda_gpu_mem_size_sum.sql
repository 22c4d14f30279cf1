-- Which copies and memsets move the data?
--
-- NVIDIA's counterpart: nsys stats cuda_gpu_mem_size_sum.
-- @of     totals
-- @unites trace
-- @needs  memory_ops
-- @column trace VARCHAR         name of the trace
-- @column operation VARCHAR     [CUDA memcpy Host-to-Device], [CUDA memset] …
-- @column instances BIGINT      how many
-- @column total_bytes BIGINT    bytes moved or set
-- @column avg_bytes DOUBLE      mean
-- @column q1_bytes DOUBLE       first quartile
-- @column median_bytes DOUBLE   median
-- @column q3_bytes DOUBLE       third quartile
-- @column min_bytes BIGINT      smallest
-- @column max_bytes BIGINT      largest
-- @column stddev_bytes DOUBLE   sample standard deviation; NULL for a single one
-- @column p90_bytes DOUBLE      9 of 10 are no larger
-- @column p99_bytes DOUBLE      99 of 100 are no larger
-- @chart  bars x=operation y=total_bytes

SELECT
    traces.trace,
    operation,
    count(*) AS instances,
    sum(bytes)::BIGINT AS total_bytes,
    avg(bytes) AS avg_bytes,
    quantile_cont(bytes, 0.25) AS q1_bytes,
    median(bytes) AS median_bytes,
    quantile_cont(bytes, 0.75) AS q3_bytes,
    min(bytes) AS min_bytes,
    max(bytes) AS max_bytes,
    whole_stddev(bytes) AS stddev_bytes,
    quantile_cont(bytes, 0.9) AS p90_bytes,
    quantile_cont(bytes, 0.99) AS p99_bytes
FROM gpu_operations
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE gpu_operations.kind IN ('memcpy', 'memset')
GROUP BY traces.trace, operation
ORDER BY trace, total_bytes DESC, operation
