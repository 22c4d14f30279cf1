-- One row per metric of a workload, as reported.
-- @raw   ncu_metrics
-- @reads action BIGINT
-- @reads metric VARCHAR
-- @reads unit   VARCHAR
-- @reads value  DOUBLE
-- @reads text   VARCHAR
-- @of    ncu_metrics
-- @raw   ncu_labels
-- @reads metric VARCHAR
-- @reads label  VARCHAR
-- @fills metrics = ncu_metrics

INSERT INTO metrics BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    metric,
    -- See kernels.sql: the value is in ns whatever this label says.
    CASE WHEN unit = 'second' AND starts_with(metric, 'gpu__time_duration') THEN 'ns' ELSE unit END AS unit,
    value,
    text AS value_text,
    label
FROM raw_ncu_metrics
LEFT JOIN raw_ncu_labels USING (metric)
