-- Samples of the GPU's metrics.

SELECT gpu_id, metric AS track, unit, time_ns, value
FROM gpu_samples
WHERE trace_id = $trace_id AND value IS NOT NULL
