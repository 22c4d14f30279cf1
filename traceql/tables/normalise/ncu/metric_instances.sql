-- One row per value of a metric below the workload, as reported.
-- @raw   ncu_instances
-- @reads action  BIGINT
-- @reads metric  VARCHAR
-- @reads id      BIGINT
-- @reads id_text VARCHAR
-- @reads value   DOUBLE
-- @reads text    VARCHAR
-- @of    ncu_instances
-- @fills metric_instances = ncu_instances

INSERT INTO metric_instances BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    metric AS instance_metric,
    id AS instance_id,
    id_text AS instance_name,
    value AS instance_value,
    text AS instance_text
FROM raw_ncu_instances
