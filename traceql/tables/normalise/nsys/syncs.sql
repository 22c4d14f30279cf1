-- One row per synchronisation, labelled as nsys does (CUpti_ActivitySynchronizationType).
--
-- nsys 2025.1 renamed the type's column; files of the change hold both.
-- @raw   CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
-- @reads start                       BIGINT
-- @reads end                         BIGINT
-- @reads deviceId                    INTEGER
-- @reads contextId                   BIGINT
-- @reads streamId                    BIGINT
-- @reads correlationId               BIGINT
-- @reads globalPid                   BIGINT
-- @reads syncType|deprecatedSyncType INTEGER
-- @reads eventId                     BIGINT
-- @of    CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
-- @fills syncs = CUPTI_ACTIVITY_KIND_SYNCHRONIZATION

INSERT INTO syncs BY NAME
WITH types(id, label) AS (
    VALUES (0, 'Unknown'), (1, 'Event sync'), (2, 'Stream wait sync'), (3, 'Stream sync'), (4, 'Context sync')
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32) + row_number() OVER () AS sync_id,
        globalPid & -16777216 AS process_id,
        globalPid >> 24 & 16777215 AS pid,
        *
    FROM raw_CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
)
SELECT
    sync_id,
    getvariable('trace_id') AS trace_id,
    coalesce(types.label, 'Unknown (' || syncType || ')') AS sync_type,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    coalesce(ordinals.gpu_of[numbered.pid], ordinals.gpu_id, deviceId) AS gpu_id,
    deviceId AS device_id,
    contextId AS context_id,
    -- CUPTI's 0xFFFFFFFF says that no stream is meant.
    nullif(streamId, 4294967295) AS stream_id,
    numbered.process_id,
    numbered.pid,
    correlationId AS correlation_id,
    api_call_id,
    eventId AS event_id
FROM numbered
LEFT JOIN types ON types.id = syncType
LEFT JOIN ordinals ON ordinals.device_id = numbered.deviceId
LEFT JOIN launching_calls
    ON launching_calls.process_id = numbered.process_id
    AND launching_calls.correlation_id = numbered.correlationId
