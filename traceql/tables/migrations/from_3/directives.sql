-- Calls of libraries were not stored.

SELECT
    NULL::BIGINT AS library_call_id,
    NULL::BIGINT AS trace_id,
    NULL::VARCHAR AS directive_kind,
    NULL::VARCHAR AS source_file,
    NULL::INTEGER AS source_line,
    NULL::VARCHAR AS function,
    NULL::VARCHAR AS data_variable,
    NULL::VARCHAR AS kernel,
    NULL::BIGINT AS data_bytes,
    NULL::VARCHAR AS device_type,
    NULL::INTEGER AS device_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    NULL::BIGINT AS gangs,
    NULL::BIGINT AS workers,
    NULL::BIGINT AS vector_length,
    NULL::BIGINT AS parallel_id,
    NULL::BIGINT AS task_id,
    NULL::BIGINT AS parent_task_id,
    NULL::BIGINT AS wait_id,
    NULL::BIGINT AS iterations
FROM old.traces
WHERE false
