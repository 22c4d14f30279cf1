-- Stacks of launches were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS kernel_id,
    NULL::VARCHAR AS stack_kind,
    NULL::INTEGER AS frame_depth,
    NULL::VARCHAR AS frame_function,
    NULL::VARCHAR AS frame_file,
    NULL::BIGINT AS frame_line,
    NULL::VARCHAR AS frame_module,
    NULL::BIGINT AS frame_address
FROM old.advice
WHERE false
