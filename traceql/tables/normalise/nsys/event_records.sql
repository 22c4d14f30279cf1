-- One row per record of a CUDA event in a stream.
--
-- nsys 2025 numbers the records (eventSyncId), so that a wait can name the one that it is for; 2026 knows
-- when the GPU got to it.
-- @raw   CUPTI_ACTIVITY_KIND_CUDA_EVENT
-- @reads timestamp     BIGINT
-- @reads deviceId      INTEGER
-- @reads contextId     BIGINT
-- @reads greenContextId BIGINT
-- @reads streamId      BIGINT
-- @reads correlationId BIGINT
-- @reads globalPid     BIGINT
-- @reads eventId       BIGINT
-- @reads eventSyncId   BIGINT
-- @of    CUPTI_ACTIVITY_KIND_CUDA_EVENT
-- @fills event_records = CUPTI_ACTIVITY_KIND_CUDA_EVENT

CREATE TEMP TABLE numbered_records AS
SELECT
    (getvariable('trace_id') << 32)
        + row_number() OVER (ORDER BY globalPid, contextId, correlationId, eventId, streamId, eventSyncId)
        AS event_record_id,
    globalPid & -16777216 AS process_id,
    *
FROM raw_CUPTI_ACTIVITY_KIND_CUDA_EVENT;

INSERT INTO event_records BY NAME
SELECT
    event_record_id,
    getvariable('trace_id') AS trace_id,
    eventId AS event_id,
    called_ns AS time_ns,
    -- 0 where it was not collected.
    nullif(timestamp, 0) - getvariable('origin_ns') AS completed_ns,
    coalesce(ordinals.gpu_of[globalPid >> 24 & 16777215], ordinals.gpu_id, deviceId) AS gpu_id,
    deviceId AS device_id,
    contextId AS context_id,
    nullif(greenContextId, 0) AS green_context_id,
    streamId AS stream_id,
    numbered.process_id,
    globalPid >> 24 & 16777215 AS pid,
    correlationId AS correlation_id,
    api_call_id,
    range_id
FROM numbered_records AS numbered
LEFT JOIN ordinals ON ordinals.device_id = deviceId
LEFT JOIN other_calls
    ON other_calls.process_id = numbered.process_id AND other_calls.correlation_id = numbered.correlationId
ORDER BY event_record_id
