-- Counters other than GPU metrics were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS time_ns,
    NULL::BIGINT AS span_ns,
    NULL::VARCHAR AS source,
    NULL::VARCHAR AS device,
    NULL::INTEGER AS gpu_id,
    NULL::VARCHAR AS metric,
    NULL::VARCHAR AS unit,
    NULL::DOUBLE AS value
FROM old.traces
WHERE false
