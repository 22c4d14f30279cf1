-- How busy were the parts of each GPU: SMs, tensor cores, DRAM, NVLink, PCIe?
--
-- NVIDIA's counterpart: nsys recipe gpu_metric_util_sum. The hardware samples these counters whether or not
-- the program that is traced uses the GPU. Samples from before the trace began are left out.
-- @of     totals
-- @unites trace
-- @param  metric VARCHAR = '*'  name or pattern of the metric
-- @needs  gpu_samples
-- @column trace VARCHAR         name of the trace
-- @column gpu_id INTEGER        GPU of the machine
-- @column metric VARCHAR        what is measured
-- @column unit VARCHAR          of the values; Throughput % is of what the GPU can do
-- @column samples BIGINT        how many
-- @column avg DOUBLE            mean
-- @column stddev DOUBLE         sample standard deviation; NULL for a single one
-- @column min DOUBLE            lowest
-- @column q1 DOUBLE             lower quartile
-- @column median DOUBLE         median
-- @column q3 DOUBLE             upper quartile
-- @column max DOUBLE            highest
-- @column p90 DOUBLE            9 of 10 are no higher
-- @column p99 DOUBLE            99 of 100 are no higher
-- @chart  bars x=metric y=avg unit=unit
-- @note   SELECT below_zero(list(DISTINCT metric ORDER BY metric))
--         FROM answer WHERE min < 0 HAVING count(*) > 0

SELECT
    trace,
    gpu_id,
    metric,
    unit,
    count(*) AS samples,
    avg(value) AS avg,
    stddev_samp(value) AS stddev,
    min(value) AS min,
    quantile_cont(value, 0.25) AS q1,
    median(value) AS median,
    quantile_cont(value, 0.75) AS q3,
    max(value) AS max,
    quantile_cont(value, 0.9) AS p90,
    quantile_cont(value, 0.99) AS p99
FROM gpu_samples
JOIN chosen_traces($trace) AS traces USING (trace_id)
WHERE is_like(metric, $metric)
  AND time_ns >= 0
GROUP BY trace, gpu_id, metric, unit
ORDER BY trace, gpu_id, metric, unit
