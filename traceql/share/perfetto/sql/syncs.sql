-- Synchronisations, on the threads whose calls asked for them; of others, in their process.

SELECT
    'thread' AS place,
    syncs.process_id,
    api_calls.tid,
    NULL::INTEGER AS gpu_id,
    NULL::BIGINT AS context_id,
    NULL::BIGINT AS stream_id,
    'CUDA synchronisation' AS track,
    syncs.start_ns,
    greatest(syncs.start_ns, coalesce(syncs.end_ns, syncs.start_ns)) AS end_ns,
    0 AS level,
    sync_id AS event_id,
    sync_type AS name,
    syncs.device_id AS device,
    syncs.context_id AS context,
    syncs.stream_id AS stream,
    syncs.event_id AS cuda_event,
    syncs.correlation_id AS correlation
FROM syncs
LEFT JOIN api_calls ON api_calls.api_call_id = syncs.api_call_id
WHERE syncs.trace_id = $trace_id
