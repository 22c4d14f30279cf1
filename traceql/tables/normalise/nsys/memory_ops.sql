-- One row per copy or memset on the GPU.
--
-- Kinds of copies are CUPTI's (CUpti_ActivityMemcpyKind) with the labels that nsys prints; older exports
-- (before 2022) hold the numbers only. So are causes of migrations, CUPTI's too (but for a slip of the pen:
-- CUpti_ActivityUnifiedMemoryMigrationCause). What kinds of memory are called is a rule.
-- @raw   CUPTI_ACTIVITY_KIND_MEMCPY
-- @reads start          BIGINT
-- @reads end            BIGINT
-- @reads deviceId       INTEGER
-- @reads contextId      BIGINT
-- @reads greenContextId BIGINT
-- @reads streamId       BIGINT
-- @reads correlationId  BIGINT
-- @reads globalPid      BIGINT
-- @reads bytes          BIGINT
-- @reads copyKind       INTEGER
-- @reads srcKind        INTEGER
-- @reads dstKind        INTEGER
-- @reads srcDeviceId    INTEGER
-- @reads dstDeviceId    INTEGER
-- @reads graphNodeId    BIGINT
-- @reads virtualAddress BIGINT
-- @reads migrationCause INTEGER
-- @raw   CUPTI_ACTIVITY_KIND_MEMSET
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads deviceId      INTEGER
-- @reads contextId     BIGINT
-- @reads greenContextId BIGINT
-- @reads streamId      BIGINT
-- @reads correlationId BIGINT
-- @reads globalPid     BIGINT
-- @reads bytes         BIGINT
-- @reads value         BIGINT
-- @reads memKind       INTEGER
-- @reads graphNodeId   BIGINT
-- @of    CUPTI_ACTIVITY_KIND_MEMCPY CUPTI_ACTIVITY_KIND_MEMSET
-- @fills memory_ops = CUPTI_ACTIVITY_KIND_MEMCPY + CUPTI_ACTIVITY_KIND_MEMSET

INSERT INTO memory_ops BY NAME
WITH copy_kinds(id, label) AS (
    VALUES (0, 'Unknown'), (1, 'Host-to-Device'), (2, 'Device-to-Host'), (3, 'Host-to-Array'),
           (4, 'Array-to-Host'), (5, 'Array-to-Array'), (6, 'Array-to-Device'), (7, 'Device-to-Array'),
           (8, 'Device-to-Device'), (9, 'Host-to-Host'), (10, 'Peer-to-Peer'),
           (11, 'Unified Host-to-Device'), (12, 'Unified Device-to-Host'), (13, 'Unified Device-to-Device')
),
migration_causes(id, label) AS (
    VALUES (0, 'Unknown'), (1, 'User prefetch'), (2, 'Page fault'), (3, 'Speculative prefetch'),
           (4, 'Eviction'), (5, 'Access counters')
),
memory_kinds AS (
    SELECT * FROM rule_memory_kinds
),
both_kinds AS (
    SELECT 'memcpy' AS kind, start, "end", deviceId, contextId, greenContextId, streamId, correlationId,
           globalPid, bytes, copyKind, srcKind, dstKind, srcDeviceId, dstDeviceId, NULL AS memset_value,
           graphNodeId, virtualAddress, migrationCause
    FROM raw_CUPTI_ACTIVITY_KIND_MEMCPY
    UNION ALL
    SELECT 'memset', start, "end", deviceId, contextId, greenContextId, streamId, correlationId, globalPid,
           bytes, NULL, NULL, memKind, NULL, NULL, value, graphNodeId, NULL, NULL
    FROM raw_CUPTI_ACTIVITY_KIND_MEMSET
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32)
            -- Correlation ids of two processes are equal.
            + row_number() OVER (
                ORDER BY start, kind, streamId, correlationId, "end", bytes, globalPid, graphNodeId,
                         virtualAddress
            ) AS memory_op_id,
        globalPid & -16777216 AS process_id,
        globalPid >> 24 & 16777215 AS pid,
        *
    FROM both_kinds
)
SELECT
    memory_op_id,
    getvariable('trace_id') AS trace_id,
    kind,
    coalesce(copy_kinds.label, 'Unknown (' || copyKind || ')') AS copy_kind,
    bytes,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    coalesce(ordinals.gpu_of[numbered.pid], ordinals.gpu_id, deviceId) AS gpu_id,
    deviceId AS device_id,
    -- Contexts count from 1; migrations of managed memory belong to none, and to no stream.
    nullif(contextId, 0) AS context_id,
    nullif(greenContextId, 0) AS green_context_id,
    CASE WHEN contextId <> 0 THEN streamId END AS stream_id,
    numbered.process_id,
    numbered.pid,
    correlationId AS correlation_id,
    api_call_id,
    range_id,
    coalesce(src.label, 'Unknown (' || srcKind || ')') AS src_memory,
    coalesce(dst.label, 'Unknown (' || dstKind || ')') AS dst_memory,
    srcDeviceId AS src_device_id,
    dstDeviceId AS dst_device_id,
    memset_value,
    nullif(graphNodeId, 0) AS graph_node_id,
    -- Only migrations of managed memory name an address.
    nullif(virtualAddress, 0) AS virtual_address,
    coalesce(migration_causes.label, 'Unknown (' || migrationCause || ')') AS migration_cause
FROM numbered
LEFT JOIN copy_kinds ON copy_kinds.id = copyKind
LEFT JOIN migration_causes ON migration_causes.id = migrationCause
LEFT JOIN memory_kinds AS src ON src.id = srcKind
LEFT JOIN memory_kinds AS dst ON dst.id = dstKind
LEFT JOIN ordinals ON ordinals.device_id = numbered.deviceId
LEFT JOIN other_calls
    ON other_calls.process_id = numbered.process_id
    AND other_calls.correlation_id = numbered.correlationId
