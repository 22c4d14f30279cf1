-- One row per rule result.
-- @raw ncu_rules action:BIGINT rule:VARCHAR section:VARCHAR kind:VARCHAR title:VARCHAR message:VARCHAR estimated_speedup_pct:DOUBLE speedup_scope:VARCHAR
-- @fills advice

INSERT INTO advice BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    action + first_kernel_id AS kernel_id,
    rule,
    section,
    kind,
    title,
    message,
    estimated_speedup_pct,
    speedup_scope
FROM raw_ncu_rules, action_base
