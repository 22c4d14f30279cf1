-- Calls of the CUDA runtime and driver, on their threads.

SELECT
    'thread' AS place,
    api_calls.process_id,
    api_calls.tid,
    NULL::INTEGER AS gpu_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    'CUDA API' AS track,
    api_calls.start_ns,
    greatest(api_calls.start_ns, coalesce(api_calls.end_ns, api_calls.start_ns)) AS end_ns,
    0 AS level,
    api_call_id AS event_id,
    api_calls.name,
    layer,
    return_value,
    correlation_id AS correlation,
    nvtx_ranges.path AS range_path
FROM api_calls
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = api_calls.range_id
WHERE api_calls.trace_id = $trace_id
