-- Counters of NVTX, network cards and the system, and the power of GPUs.

SELECT gpu_id, concat_ws(' ', CASE WHEN gpu_id IS NULL THEN device END, metric) AS track, unit, time_ns, value
FROM counter_samples
WHERE trace_id = $trace_id AND value IS NOT NULL
