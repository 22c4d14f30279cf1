-- One row per instruction or source line that a rule means.
-- @raw   ncu_markers
-- @reads action  BIGINT
-- @reads rule    VARCHAR
-- @reads section VARCHAR
-- @reads kind    VARCHAR
-- @reads message VARCHAR
-- @reads address BIGINT
-- @reads file    VARCHAR
-- @reads line    INTEGER
-- @of    ncu_markers
-- @fills source_markers = ncu_markers

INSERT INTO source_markers BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    rule AS marker_rule,
    section AS marker_section,
    kind AS marker_kind,
    message AS marker_message,
    address AS marker_address,
    file AS marker_file,
    line AS marker_line
FROM raw_ncu_markers
