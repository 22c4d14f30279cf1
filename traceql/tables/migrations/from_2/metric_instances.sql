-- Values below the workload were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS kernel_id,
    NULL::VARCHAR AS instance_metric,
    NULL::BIGINT AS instance_id,
    NULL::VARCHAR AS instance_name,
    NULL::DOUBLE AS instance_value,
    NULL::VARCHAR AS instance_text
FROM old.metrics
WHERE false
