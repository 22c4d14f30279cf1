-- One row per kernel execution.
--
-- Policies of clusters are CUDA's (CUclusterSchedulingPolicy), told by nsys as of 2026.2.
-- Launch types are CUPTI's enumeration (CUpti_ActivityLaunchType) plus 1, with the labels that nsys prints.
-- @raw   CUPTI_ACTIVITY_KIND_KERNEL
-- @reads start                BIGINT
-- @reads end                  BIGINT
-- @reads deviceId             INTEGER
-- @reads contextId            BIGINT
-- @reads greenContextId       BIGINT
-- @reads streamId             BIGINT
-- @reads correlationId        BIGINT
-- @reads globalPid            BIGINT
-- @reads demangledName        BIGINT
-- @reads shortName            BIGINT
-- @reads registersPerThread   INTEGER
-- @reads gridX                INTEGER
-- @reads gridY                INTEGER
-- @reads gridZ                INTEGER
-- @reads blockX               INTEGER
-- @reads blockY               INTEGER
-- @reads blockZ               INTEGER
-- @reads staticSharedMemory   BIGINT
-- @reads dynamicSharedMemory  BIGINT
-- @reads sharedMemoryExecuted BIGINT
-- @reads localMemoryPerThread BIGINT
-- @reads launchType           INTEGER
-- @reads graphNodeId          BIGINT
-- @reads clusterX                BIGINT
-- @reads clusterY                BIGINT
-- @reads clusterZ                BIGINT
-- @reads clusterSchedulingPolicy INTEGER
-- @reads maxActiveClusters       BIGINT
-- @reads maxPotentialClusterSize BIGINT
-- @numbers position
-- @pieces correlationId
-- @of    CUPTI_ACTIVITY_KIND_KERNEL
-- @fills kernels = CUPTI_ACTIVITY_KIND_KERNEL
-- @fills kernel_clusters

INSERT INTO kernels BY NAME
WITH launch_types(id, label) AS (
    VALUES (0, 'Unknown'), (1, 'Regular'), (2, 'Coop Single Device'), (3, 'Coop Multi Device')
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32) + position AS kernel_id,
        globalPid & -16777216 AS process_id,
        globalPid >> 24 & 16777215 AS pid,
        *
    FROM raw_CUPTI_ACTIVITY_KIND_KERNEL
)
SELECT
    kernel_id,
    getvariable('trace_id') AS trace_id,
    short.value AS name,
    demangled.value AS demangled,
    'kernel' AS workload,
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
    range_id,
    nullif(graphNodeId, 0) AS graph_node_id,
    gridX AS grid_x,
    gridY AS grid_y,
    gridZ AS grid_z,
    blockX AS block_x,
    blockY AS block_y,
    blockZ AS block_z,
    registersPerThread AS registers_per_thread,
    staticSharedMemory AS static_shared_bytes,
    dynamicSharedMemory AS dynamic_shared_bytes,
    sharedMemoryExecuted AS executed_shared_bytes,
    localMemoryPerThread AS local_memory_per_thread_bytes,
    coalesce(launch_types.label, 'Unknown (' || launchType || ')') AS launch_type
FROM numbered
LEFT JOIN strings AS short ON short.id = numbered.shortName
LEFT JOIN strings AS demangled ON demangled.id = numbered.demangledName
LEFT JOIN launch_types ON launch_types.id = launchType
LEFT JOIN ordinals ON ordinals.device_id = numbered.deviceId
LEFT JOIN (
    FROM launching_calls
    WHERE getvariable('least') IS NULL
       OR correlation_id BETWEEN getvariable('least') AND getvariable('greatest')
) AS launching_calls
    ON launching_calls.process_id = numbered.process_id
    AND launching_calls.correlation_id = numbered.correlationId;

INSERT INTO kernel_clusters BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + position AS kernel_id,
    clusterX AS cluster_x,
    clusterY AS cluster_y,
    clusterZ AS cluster_z,
    coalesce(['default', 'spread', 'load balancing'][clusterSchedulingPolicy + 1],
             'unknown (' || clusterSchedulingPolicy || ')') AS scheduling_policy,
    maxActiveClusters AS max_active_clusters,
    maxPotentialClusterSize AS max_cluster_blocks
FROM raw_CUPTI_ACTIVITY_KIND_KERNEL
WHERE clusterX > 0
