-- One row per allocation or release of memory.
--
-- What kinds of memory are called is a rule.
-- @raw   CUDA_GPU_MEMORY_USAGE_EVENTS
-- @reads start               BIGINT
-- @reads globalPid           BIGINT
-- @reads deviceId            BIGINT
-- @reads contextId           BIGINT
-- @reads address             BIGINT
-- @reads bytes               BIGINT
-- @reads memKind             INTEGER
-- @reads memoryOperationType INTEGER
-- @reads name                VARCHAR
-- @reads correlationId       BIGINT
-- @reads streamId            BIGINT
-- @reads localMemoryPoolAddress BIGINT
-- @reads localMemoryPoolSize BIGINT
-- @reads localMemoryPoolUtilizedSize BIGINT
-- @of    CUDA_GPU_MEMORY_USAGE_EVENTS
-- @fills memory_events = CUDA_GPU_MEMORY_USAGE_EVENTS

INSERT INTO memory_events BY NAME
WITH memory_kinds AS (
    SELECT * FROM rule_memory_kinds
),
operations(id, label) AS (
    VALUES (0, 'Allocation'), (1, 'Deallocation')
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32)
            + row_number() OVER (
                ORDER BY start, correlationId, globalPid, address, memoryOperationType, bytes, memKind, name
            ) AS memory_event_id,
        globalPid & -16777216 AS process_id,
        globalPid >> 24 & 16777215 AS pid,
        *
    FROM raw_CUDA_GPU_MEMORY_USAGE_EVENTS
)
SELECT
    memory_event_id,
    getvariable('trace_id') AS trace_id,
    coalesce(operations.label, 'Unknown (' || memoryOperationType || ')') AS operation,
    -- 0 on any clock: allocated before.
    CASE WHEN start > 0 THEN start - getvariable('origin_ns') ELSE 0 END AS time_ns,
    bytes,
    coalesce(memory_kinds.label, 'Unknown (' || memKind || ')') AS memory_kind,
    address AS virtual_address,
    name AS variable,
    numbered.process_id,
    numbered.pid,
    -- Static memory comes with modules, whose context is not told: its device is always 0.
    CASE
        WHEN contextId <> 0 THEN coalesce(ordinals.gpu_of[numbered.pid], ordinals.gpu_id, deviceId)
    END AS gpu_id,
    CASE WHEN contextId <> 0 THEN deviceId END AS device_id,
    -- Contexts count from 1; -1 (of 32 bits) is memory of none.
    CASE WHEN contextId BETWEEN 1 AND 4294967294 THEN contextId END AS context_id,
    streamId AS stream_id,
    localMemoryPoolAddress AS pool_address,
    localMemoryPoolSize AS pool_bytes,
    localMemoryPoolUtilizedSize AS pool_used_bytes,
    nullif(correlationId, 0) AS correlation_id,
    api_call_id,
    range_id
FROM numbered
LEFT JOIN operations ON operations.id = memoryOperationType
LEFT JOIN memory_kinds ON memory_kinds.id = memKind
LEFT JOIN ordinals ON ordinals.device_id = numbered.deviceId
LEFT JOIN launching_calls
    ON launching_calls.process_id = numbered.process_id
    AND launching_calls.correlation_id = nullif(numbered.correlationId, 0)
ORDER BY memory_event_id
