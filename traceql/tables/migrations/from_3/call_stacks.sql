-- Stacks of calls were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS stack_id,
    NULL::VARCHAR AS stack_kind,
    NULL::INTEGER AS frame_depth,
    NULL::VARCHAR AS frame_function,
    NULL::VARCHAR AS frame_module,
    NULL::VARCHAR AS frame_file,
    NULL::BIGINT AS frame_line,
    NULL::BIGINT AS frame_address,
    NULL::BOOLEAN AS is_kernel_mode
FROM old.traces
WHERE false
