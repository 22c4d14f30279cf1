-- What rules mean was not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS kernel_id,
    NULL::VARCHAR AS marker_rule,
    NULL::VARCHAR AS marker_section,
    NULL::VARCHAR AS marker_kind,
    NULL::VARCHAR AS marker_message,
    NULL::BIGINT AS marker_address,
    NULL::VARCHAR AS marker_file,
    NULL::INTEGER AS marker_line
FROM old.advice
WHERE false
