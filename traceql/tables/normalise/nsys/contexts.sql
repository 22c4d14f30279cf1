-- One row per CUDA context, and per green context within one.
-- @raw   TARGET_INFO_CUDA_CONTEXT_INFO
-- @reads hwId            BIGINT
-- @reads vmId            BIGINT
-- @reads processId       BIGINT
-- @reads deviceId        INTEGER
-- @reads contextId       BIGINT
-- @reads nullStreamId    BIGINT
-- @reads parentContextId BIGINT
-- @reads isGreenContext  BOOLEAN
-- @of    TARGET_INFO_CUDA_CONTEXT_INFO
-- @fills contexts

INSERT INTO contexts BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    process_id,
    process_id >> 24 & 16777215 AS pid,
    coalesce(ordinals.gpu_of[process_id >> 24 & 16777215], ordinals.gpu_id, told.device_id)::INTEGER
        AS gpu_id,
    told.device_id,
    context_id,
    is_green,
    CASE WHEN is_green THEN parent_context_id END AS parent_context_id,
    default_stream_id
FROM (
    SELECT
        serialised(hwId, vmId, processId) AS process_id,
        contextId AS context_id,
        min(deviceId) AS device_id,
        bool_or(isGreenContext) AS is_green,
        min(nullif(parentContextId, 0)) AS parent_context_id,
        min(nullStreamId) AS default_stream_id
    FROM raw_TARGET_INFO_CUDA_CONTEXT_INFO
    GROUP BY ALL
) AS told
LEFT JOIN ordinals ON ordinals.device_id = told.device_id
ORDER BY process_id, context_id
