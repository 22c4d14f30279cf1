-- Names that other tables have as well: a natural join, or a column without its table, meant both. What is said
-- about the machine was not stored. Of a trace that told no ordinals, the only GPU that CUDA can use is meant.

SELECT
    traces.* REPLACE (coalesce(only_able.gpu, traces.gpu) AS gpu)
        RENAME (name AS trace, kind AS profiler, duration_ns AS trace_duration_ns),
    NULL::VARCHAR AS driver_version,
    NULL::VARCHAR AS cuda_version,
    NULL::VARCHAR AS cpu,
    NULL::INTEGER AS cpu_cores,
    NULL::BIGINT AS time_shift_ns
FROM old.traces AS traces
LEFT JOIN (
    SELECT trace_id, any_value(name) FILTER (coalesce(compute_capability, '') NOT IN ('', '0.0')) AS gpu
    FROM old.gpus
    GROUP BY trace_id
    HAVING count(device_id) = 0
       AND count(DISTINCT gpu_id) FILTER (coalesce(compute_capability, '') NOT IN ('', '0.0')) = 1
) AS only_able ON only_able.trace_id = traces.trace_id
