-- Every value of a counter that something sampled: metrics of GPUs, and all that counter_samples holds.
--
-- Rates of network cards are means of the time span_ns before them, the power that NVML tells of the time
-- since the value before it. A GPU metric is the mean of the time until the next one: its time is that at
-- which the sampling period begins. A value of NVTX is what the application set then.
-- @needs  gpu_samples|counter_samples
-- @column trace_id BIGINT  the trace it belongs to, see traces
-- @column trace VARCHAR    name of the trace
-- @column source VARCHAR   gpu (its metrics), nvml (its power), nvtx, nic …, see counter_samples
-- @column device VARCHAR   what is counted, as the report names it; NULL for GPU metrics
-- @column gpu_id INTEGER   GPU of the machine, see gpus; NULL where it is of none, or not told
-- @column metric VARCHAR   what is measured
-- @column unit VARCHAR     of the values, as the report names it
-- @column time_ns BIGINT   when
-- @column value DOUBLE     as recorded; NULL where the counter had none then
-- @column span_ns BIGINT   time before it that the value tells of; NULL where that is not recorded

SELECT trace_id, trace, 'gpu' AS source, NULL::VARCHAR AS device, gpu_id, metric, unit, time_ns, value,
       NULL::BIGINT AS span_ns
FROM gpu_samples
JOIN traces USING (trace_id)
UNION ALL
SELECT trace_id, trace, source, device, gpu_id, metric, unit, time_ns, value, span_ns
FROM counter_samples
JOIN traces USING (trace_id)
