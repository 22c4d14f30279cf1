-- One row per CUDA stream, with the names that NVTX gave it, its context and its device.
--
-- Contexts and devices that were named without one of their streams being known have a row of their own. A
-- stream of a green context is one of the context that it belongs to, whoever names it.
-- The types of streams are those of CUPTI (CUpti_ActivityStreamFlag).
-- @raw   TARGET_INFO_CUDA_STREAM
-- @reads streamId  BIGINT
-- @reads hwId      BIGINT
-- @reads vmId      BIGINT
-- @reads processId BIGINT
-- @reads contextId BIGINT
-- @reads priority  BIGINT
-- @reads flag      BIGINT
-- @raw   TARGET_INFO_CUDA_CONTEXT_INFO
-- @reads hwId            BIGINT
-- @reads vmId            BIGINT
-- @reads processId       BIGINT
-- @reads deviceId        INTEGER
-- @reads contextId       BIGINT
-- @reads parentContextId BIGINT
-- @reads isGreenContext  BOOLEAN
-- @raw   TARGET_INFO_NVTX_CUDA_STREAM
-- @reads name      VARCHAR
-- @reads hwId      BIGINT
-- @reads vmId      BIGINT
-- @reads processId BIGINT
-- @reads deviceId  INTEGER
-- @reads contextId BIGINT
-- @reads streamId  BIGINT
-- @raw   TARGET_INFO_NVTX_CUDA_CONTEXT
-- @reads name      VARCHAR
-- @reads hwId      BIGINT
-- @reads vmId      BIGINT
-- @reads processId BIGINT
-- @reads deviceId  INTEGER
-- @reads contextId BIGINT
-- @raw   TARGET_INFO_NVTX_CUDA_DEVICE
-- @reads name     VARCHAR
-- @reads hwId     BIGINT
-- @reads vmId     BIGINT
-- @reads deviceId INTEGER
-- @fills streams

-- NVIDIA's number of a process, whose uppermost byte is the machine's, as the same bits signed.
CREATE TEMP MACRO serialised(machine, vm, process) AS
    (machine - CASE WHEN machine > 127 THEN 256 ELSE 0 END) * 72057594037927936
    + ((vm << 48) | (process << 24));

INSERT INTO streams BY NAME
WITH contexts AS (
    SELECT
        serialised(hwId, vmId, processId) AS process_id,
        contextId AS context_id,
        min(deviceId) AS device_id,
        min(parentContextId) FILTER (isGreenContext) AS parent_id
    FROM raw_TARGET_INFO_CUDA_CONTEXT_INFO
    GROUP BY ALL
),
named_streams AS (
    SELECT
        process_id,
        coalesce(contexts.parent_id, context_id) AS context_id,
        stream_id,
        min(named.device_id) AS device_id,
        min(name) AS name
    FROM (
        SELECT
            serialised(hwId, vmId, processId) AS process_id,
            contextId AS context_id,
            streamId AS stream_id,
            deviceId AS device_id,
            name
        FROM raw_TARGET_INFO_NVTX_CUDA_STREAM
    ) AS named
    LEFT JOIN contexts USING (process_id, context_id)
    GROUP BY ALL
),
named_contexts AS (
    SELECT
        serialised(hwId, vmId, processId) AS process_id,
        contextId AS context_id,
        min(deviceId) AS device_id,
        min(name) AS name
    FROM raw_TARGET_INFO_NVTX_CUDA_CONTEXT
    GROUP BY ALL
),
named_devices AS (
    SELECT serialised(hwId, vmId, 0) AS machine, deviceId AS device_id, min(name) AS name
    FROM raw_TARGET_INFO_NVTX_CUDA_DEVICE
    GROUP BY ALL
),
told AS (
    SELECT
        serialised(hwId, vmId, processId) AS process_id,
        contextId AS context_id,
        streamId AS stream_id,
        min(priority) AS priority,
        min(flag) AS flag
    FROM raw_TARGET_INFO_CUDA_STREAM
    GROUP BY ALL
),
listed AS (
    SELECT process_id, context_id, stream_id FROM told
    UNION
    SELECT process_id, context_id, stream_id FROM named_streams
    UNION
    SELECT process_id, context_id, NULL
    FROM named_contexts
    WHERE (process_id, context_id) NOT IN (SELECT (process_id, context_id) FROM told)
),
placed AS (
    SELECT
        listed.*,
        coalesce(contexts.device_id, named_streams.device_id, named_contexts.device_id) AS device_id,
        named_streams.name AS stream,
        named_contexts.name AS context,
        told.priority,
        told.flag
    FROM listed
    LEFT JOIN told USING (process_id, context_id, stream_id)
    LEFT JOIN named_streams USING (process_id, context_id, stream_id)
    LEFT JOIN named_contexts USING (process_id, context_id)
    LEFT JOIN contexts USING (process_id, context_id)
)
SELECT
    getvariable('trace_id') AS trace_id,
    process_id,
    process_id >> 24 & 16777215 AS pid,
    coalesce(ordinals.gpu_of[process_id >> 24 & 16777215], ordinals.gpu_id, placed.device_id)::INTEGER
        AS gpu_id,
    placed.device_id,
    context_id,
    stream_id,
    stream,
    context,
    named_devices.name AS device_name,
    CASE flag WHEN 1 THEN 'default' WHEN 2 THEN 'non-blocking' WHEN 3 THEN 'null' END AS stream_type,
    CASE WHEN priority >= 2147483648 THEN priority - 4294967296 ELSE priority END::INTEGER AS stream_priority
FROM placed
LEFT JOIN ordinals ON ordinals.device_id = placed.device_id
LEFT JOIN named_devices
    ON named_devices.device_id = placed.device_id
    AND named_devices.machine = process_id & -281474976710656
ORDER BY process_id, context_id, stream_id
