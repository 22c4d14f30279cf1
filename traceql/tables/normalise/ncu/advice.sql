-- One row per rule result.
-- @raw   ncu_rules
-- @reads action                BIGINT
-- @reads rule                  VARCHAR
-- @reads section               VARCHAR
-- @reads kind                  VARCHAR
-- @reads title                 VARCHAR
-- @reads message               VARCHAR
-- @reads estimated_speedup_pct DOUBLE
-- @reads speedup_scope         VARCHAR
-- @of    ncu_rules
-- @fills advice = ncu_rules

INSERT INTO advice BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    rule,
    section,
    kind,
    title,
    message,
    estimated_speedup_pct,
    speedup_scope
FROM raw_ncu_rules
