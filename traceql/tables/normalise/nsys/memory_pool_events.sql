-- One row per change of a memory pool itself.
--
-- Labelled as nsys does (CUpti_ActivityMemoryPoolOperationType, CUpti_ActivityMemoryPoolType).
-- @raw   CUDA_GPU_MEMORY_POOL_EVENTS
-- @reads start                           BIGINT
-- @reads globalPid                       BIGINT
-- @reads deviceId                        INTEGER
-- @reads address                         BIGINT
-- @reads operationType                   INTEGER
-- @reads poolType                        INTEGER
-- @reads correlationId                   BIGINT
-- @reads minBytesToKeep                  BIGINT
-- @reads localMemoryPoolReleaseThreshold BIGINT
-- @reads localMemoryPoolSize             BIGINT
-- @reads localMemoryPoolUtilizedSize     BIGINT
-- @of    CUDA_GPU_MEMORY_POOL_EVENTS
-- @fills memory_pool_events = CUDA_GPU_MEMORY_POOL_EVENTS

INSERT INTO memory_pool_events BY NAME
WITH operations(id, label) AS (
    VALUES (0, 'Invalid'), (1, 'Created'), (2, 'Destroyed'), (3, 'Trimmed')
),
types(id, label) AS (
    VALUES (0, 'Invalid'), (1, 'Local'), (2, 'Imported')
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32)
            + row_number() OVER (ORDER BY start, correlationId, globalPid, address, operationType)
            AS memory_pool_event_id,
        globalPid & -16777216 AS process_id,
        globalPid >> 24 & 16777215 AS pid,
        *
    FROM raw_CUDA_GPU_MEMORY_POOL_EVENTS
)
SELECT
    memory_pool_event_id,
    getvariable('trace_id') AS trace_id,
    coalesce(operations.label, 'Unknown (' || operationType || ')') AS operation,
    -- 0 on any clock: before the recording.
    CASE WHEN start > 0 THEN start - getvariable('origin_ns') ELSE 0 END AS time_ns,
    address AS pool_address,
    coalesce(types.label, 'Unknown (' || poolType || ')') AS pool_type,
    CASE WHEN poolType = 1 THEN localMemoryPoolSize END AS pool_bytes,
    CASE WHEN poolType = 1 THEN localMemoryPoolUtilizedSize END AS pool_used_bytes,
    CASE WHEN poolType = 1 THEN localMemoryPoolReleaseThreshold END AS release_threshold_bytes,
    CASE WHEN operationType = 3 THEN minBytesToKeep END AS keep_bytes,
    numbered.process_id,
    numbered.pid,
    coalesce(ordinals.gpu_of[numbered.pid], ordinals.gpu_id, deviceId) AS gpu_id,
    deviceId AS device_id,
    nullif(correlationId, 0) AS correlation_id,
    api_call_id,
    range_id
FROM numbered
LEFT JOIN operations ON operations.id = operationType
LEFT JOIN types ON types.id = poolType
LEFT JOIN ordinals ON ordinals.device_id = numbered.deviceId
LEFT JOIN launching_calls
    ON launching_calls.process_id = numbered.process_id
    AND launching_calls.correlation_id = nullif(numbered.correlationId, 0)
ORDER BY memory_pool_event_id
