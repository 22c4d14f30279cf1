-- One row per CUDA graph execution that was traced as a whole.
-- @raw   CUPTI_ACTIVITY_KIND_GRAPH_TRACE
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads deviceId      INTEGER
-- @reads contextId     BIGINT
-- @reads greenContextId BIGINT
-- @reads streamId      BIGINT
-- @reads correlationId BIGINT
-- @reads globalPid     BIGINT
-- @reads graphId       BIGINT
-- @reads graphExecId   BIGINT
-- @numbers position
-- @of    CUPTI_ACTIVITY_KIND_GRAPH_TRACE
-- @fills graph_launches = CUPTI_ACTIVITY_KIND_GRAPH_TRACE

INSERT INTO graph_launches BY NAME
WITH numbered AS (
    SELECT
        (getvariable('trace_id') << 32) + position AS graph_launch_id,
        globalPid & -16777216 AS process_id,
        globalPid >> 24 & 16777215 AS pid,
        *
    FROM raw_CUPTI_ACTIVITY_KIND_GRAPH_TRACE
)
SELECT
    graph_launch_id,
    getvariable('trace_id') AS trace_id,
    graphId AS graph_id,
    graphExecId AS graph_exec_id,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    coalesce(ordinals.gpu_of[numbered.pid], ordinals.gpu_id, deviceId) AS gpu_id,
    deviceId AS device_id,
    contextId AS context_id,
    nullif(greenContextId, 0) AS green_context_id,
    streamId AS stream_id,
    numbered.process_id,
    numbered.pid,
    correlationId AS correlation_id,
    api_call_id,
    range_id
FROM numbered
LEFT JOIN ordinals ON ordinals.device_id = numbered.deviceId
LEFT JOIN launching_calls
    ON launching_calls.process_id = numbered.process_id
    AND launching_calls.correlation_id = numbered.correlationId
