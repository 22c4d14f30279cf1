-- Calls of libraries were not stored.

SELECT
    NULL::BIGINT AS library_call_id,
    NULL::BIGINT AS trace_id,
    NULL::BIGINT AS message_place,
    NULL::BIGINT AS communicator_handle,
    NULL::BIGINT AS tag,
    NULL::BIGINT AS peer,
    NULL::BIGINT AS root_rank,
    NULL::BIGINT AS message_bytes,
    NULL::BIGINT AS received_bytes,
    NULL::BIGINT AS request,
    NULL::BIGINT AS buffer_address
FROM old.traces
WHERE false
