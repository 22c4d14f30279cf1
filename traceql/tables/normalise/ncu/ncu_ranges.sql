-- One row per NVTX range around a workload. The report knows the texts, not the instances.
-- @raw   ncu_nvtx
-- @reads action BIGINT
-- @reads domain VARCHAR
-- @reads style  VARCHAR
-- @reads depth  INTEGER
-- @reads text   VARCHAR
-- @reads path   VARCHAR
-- @reads category VARCHAR
-- @reads color_argb BIGINT
-- @reads payload VARCHAR
-- @of    ncu_nvtx
-- @fills ncu_ranges = ncu_nvtx

INSERT INTO ncu_ranges BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    domain,
    style,
    depth,
    text,
    path,
    category,
    color_argb,
    payload
FROM raw_ncu_nvtx
