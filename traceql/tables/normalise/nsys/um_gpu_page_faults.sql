-- One row per group of page faults of a GPU on managed memory.
--
-- Labelled as nsys does (CUpti_ActivityUnifiedMemoryAccessType).
-- @raw   CUDA_UM_GPU_PAGE_FAULT_EVENTS
-- @reads start              BIGINT
-- @reads end                BIGINT
-- @reads globalPid          BIGINT
-- @reads deviceId           INTEGER
-- @reads address            BIGINT
-- @reads numberOfPageFaults BIGINT
-- @reads faultAccessType    INTEGER
-- @of    CUDA_UM_GPU_PAGE_FAULT_EVENTS
-- @fills um_gpu_page_faults = CUDA_UM_GPU_PAGE_FAULT_EVENTS

INSERT INTO um_gpu_page_faults BY NAME
WITH access_types(id, label) AS (
    VALUES (0, 'Unknown'), (1, 'Read'), (2, 'Write'), (3, 'Atomic'), (4, 'Prefetch')
)
SELECT
    getvariable('trace_id') AS trace_id,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalPid & -16777216 AS process_id,
    globalPid >> 24 & 16777215 AS pid,
    coalesce(ordinals.gpu_of[globalPid >> 24 & 16777215], ordinals.gpu_id, deviceId) AS gpu_id,
    deviceId AS device_id,
    address AS virtual_address,
    numberOfPageFaults AS page_faults,
    coalesce(access_types.label, 'Unknown (' || faultAccessType || ')') AS access_type
FROM raw_CUDA_UM_GPU_PAGE_FAULT_EVENTS
LEFT JOIN ordinals ON ordinals.device_id = deviceId
LEFT JOIN access_types ON access_types.id = faultAccessType
ORDER BY start_ns, process_id, device_id, virtual_address
