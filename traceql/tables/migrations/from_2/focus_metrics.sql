-- What rules looked at was not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS kernel_id,
    NULL::VARCHAR AS focus_rule,
    NULL::VARCHAR AS focus_section,
    NULL::VARCHAR AS focus_metric,
    NULL::DOUBLE AS focus_value,
    NULL::VARCHAR AS severity,
    NULL::VARCHAR AS info
FROM old.advice
WHERE false
