-- One row per event of a switch between contexts on a GPU.
--
-- Tags are those of ENUM_GPU_CTX_SWITCH of the export. NVIDIA's documentation of exports names the two that
-- tell whose the GPU is: 8 begins a time slice (restore start), 7 ends it (save end).
-- @raw   GPU_CONTEXT_SWITCH_EVENTS|FECS_EVENTS
-- @reads tag       BIGINT
-- @reads seqNo     BIGINT
-- @reads contextId BIGINT
-- @reads timestamp BIGINT
-- @reads globalPid BIGINT
-- @reads gpuId     INTEGER
-- @of    GPU_CONTEXT_SWITCH_EVENTS
-- @fills gpu_context_switches = GPU_CONTEXT_SWITCH_EVENTS

INSERT INTO gpu_context_switches BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    timestamp - getvariable('origin_ns') AS time_ns,
    seqNo AS switch_number,
    gpuId AS gpu_id,
    contextId AS hardware_context_id,
    nullif(globalPid, 0) & -16777216 AS owner_id,
    nullif(globalPid, 0) >> 24 & 16777215 AS owner_pid,
    CASE tag
        WHEN 0 THEN 'SO'
        WHEN 1 THEN 'request by host'
        WHEN 2 THEN 'front-end ACK'
        WHEN 3 THEN 'front-end ACK WFI'
        WHEN 4 THEN 'front-end ACK GFXP'
        WHEN 5 THEN 'front-end ACK CTAP'
        WHEN 6 THEN 'front-end ACK CILP'
        WHEN 7 THEN 'save end'
        WHEN 8 THEN 'restore start'
        WHEN 9 THEN 'context start'
        WHEN 10 THEN 'invalid timestamp'
        WHEN 11 THEN 'engine reset'
        ELSE 'tag ' || tag
    END AS switch_step
FROM raw_GPU_CONTEXT_SWITCH_EVENTS
ORDER BY time_ns, gpu_id, switch_number
