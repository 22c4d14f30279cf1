-- One row per metric that a rule looked at.
-- @raw   ncu_focus
-- @reads action  BIGINT
-- @reads rule    VARCHAR
-- @reads section VARCHAR
-- @reads metric  VARCHAR
-- @reads value   DOUBLE
-- @reads severity VARCHAR
-- @reads info    VARCHAR
-- @of    ncu_focus
-- @fills focus_metrics = ncu_focus

INSERT INTO focus_metrics BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    rule AS focus_rule,
    section AS focus_section,
    metric AS focus_metric,
    value AS focus_value,
    severity,
    info
FROM raw_ncu_focus
