-- One row per synchronisation, labelled as nsys does, by what it waits for.
--
-- A wait for an event has an event, one in a stream has a stream: together they say what it is. The number of
-- the type does not: up to nsys 2024 it counts otherwise than the labels that nsys prints for it, and in 2025
-- a synchronised stream has that of a stream that waits for an event. It decides where no event is told of.
-- nsys 2025.1 renamed the type's column; files of the change hold both. It numbers records of events, too:
-- before, a wait is for the last record of its event that was called for before it.
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
-- @reads eventSyncId                 BIGINT
-- @numbers position
-- @of    CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
-- @fills syncs = CUPTI_ACTIVITY_KIND_SYNCHRONIZATION

-- Where no event was recorded, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS numbered_records (
    event_record_id BIGINT, process_id BIGINT, correlationId BIGINT, eventId BIGINT, eventSyncId BIGINT
);

INSERT INTO syncs BY NAME
WITH types(id, label) AS (
    VALUES (0, 'Unknown'), (1, 'Event sync'), (2, 'Stream wait sync'), (3, 'Stream sync'), (4, 'Context sync')
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32) + position AS sync_id,
        globalPid & -16777216 AS process_id,
        globalPid >> 24 & 16777215 AS pid,
        -- CUPTI's 0xFFFFFFFF says that no stream is meant, or no event.
        nullif(streamId, 4294967295) AS stream_id,
        nullif(eventId, 4294967295) AS event_id,
        *
    FROM raw_CUPTI_ACTIVITY_KIND_SYNCHRONIZATION
),
waits AS (
    SELECT sync_id, process_id, correlationId, event_id, nullif(eventSyncId, 4294967295) AS event_sync_id
    FROM numbered
    WHERE event_id IS NOT NULL
),
waited_for AS (
    SELECT sync_id, event_record_id
    FROM waits
    JOIN numbered_records AS records
        ON records.process_id = waits.process_id AND records.eventId = waits.event_id
        AND records.eventSyncId = waits.event_sync_id
    UNION ALL
    SELECT sync_id, event_record_id
    FROM waits
    ASOF JOIN (FROM numbered_records WHERE eventSyncId IS NULL) AS records
        ON records.process_id = waits.process_id AND records.eventId = waits.event_id
        AND records.correlationId < waits.correlationId
    WHERE event_sync_id IS NULL
)
SELECT
    sync_id,
    getvariable('trace_id') AS trace_id,
    CASE
        WHEN eventId IS NULL THEN coalesce(types.label, 'Unknown (' || syncType || ')')
        WHEN event_id IS NOT NULL AND stream_id IS NOT NULL THEN 'Stream wait sync'
        WHEN event_id IS NOT NULL THEN 'Event sync'
        WHEN stream_id IS NOT NULL THEN 'Stream sync'
        ELSE 'Context sync'
    END AS sync_type,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    coalesce(ordinals.gpu_of[numbered.pid], ordinals.gpu_id, deviceId) AS gpu_id,
    deviceId AS device_id,
    contextId AS context_id,
    stream_id,
    numbered.process_id,
    numbered.pid,
    correlationId AS correlation_id,
    api_call_id,
    event_id,
    event_record_id
FROM numbered
LEFT JOIN types ON types.id = syncType
LEFT JOIN waited_for USING (sync_id)
LEFT JOIN ordinals ON ordinals.device_id = numbered.deviceId
LEFT JOIN other_calls
    ON other_calls.process_id = numbered.process_id
    AND other_calls.correlation_id = numbered.correlationId
