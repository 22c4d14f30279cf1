-- Instructions were not stored.

SELECT
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS kernel_id,
    NULL::BIGINT AS address,
    NULL::VARCHAR AS sass,
    NULL::VARCHAR AS source_file,
    NULL::INTEGER AS source_line,
    NULL::VARCHAR AS source_text
FROM old.kernels
WHERE false
