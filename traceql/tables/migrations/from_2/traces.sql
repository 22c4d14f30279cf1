-- Names that other tables have as well: a natural join, or a column without its table, meant both. What is said about
-- the machine was not stored.

SELECT
    * RENAME (name AS trace, kind AS profiler, duration_ns AS trace_duration_ns),
    NULL::VARCHAR AS driver_version,
    NULL::VARCHAR AS cuda_version,
    NULL::VARCHAR AS cpu,
    NULL::INTEGER AS cpu_cores,
    NULL::BIGINT AS time_shift_ns
FROM old.traces
