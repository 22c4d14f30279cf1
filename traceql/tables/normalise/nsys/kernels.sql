-- One row per kernel execution.
-- @raw CUPTI_ACTIVITY_KIND_KERNEL start:BIGINT end:BIGINT deviceId:INTEGER contextId:BIGINT streamId:BIGINT correlationId:BIGINT globalPid:BIGINT demangledName:BIGINT shortName:BIGINT registersPerThread:INTEGER gridX:INTEGER gridY:INTEGER gridZ:INTEGER blockX:INTEGER blockY:INTEGER blockZ:INTEGER staticSharedMemory:BIGINT dynamicSharedMemory:BIGINT graphNodeId:BIGINT
-- @fills kernels

INSERT INTO kernels BY NAME
WITH numbered AS (
    SELECT
        row_number() OVER () + (SELECT coalesce(max(kernel_id), 0) FROM kernels) AS kernel_id,
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
    "end" - getvariable('origin_ns') AS end_ns,
    "end" - start AS duration_ns,
    deviceId AS device_id,
    contextId AS context_id,
    streamId AS stream_id,
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
    dynamicSharedMemory AS dynamic_shared_bytes
FROM numbered
LEFT JOIN strings AS short ON short.id = numbered.shortName
LEFT JOIN strings AS demangled ON demangled.id = numbered.demangledName
LEFT JOIN launching_calls
    ON launching_calls.pid = numbered.pid AND launching_calls.correlation_id = numbered.correlationId
