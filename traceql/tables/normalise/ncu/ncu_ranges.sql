-- One row per NVTX range around a workload. The report knows the texts, not the instances.
-- @raw ncu_nvtx action:BIGINT domain:VARCHAR style:VARCHAR depth:INTEGER text:VARCHAR path:VARCHAR
-- @fills ncu_ranges

INSERT INTO ncu_ranges BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    action + first_kernel_id AS kernel_id,
    domain,
    style,
    depth,
    text,
    path
FROM raw_ncu_nvtx, action_base
