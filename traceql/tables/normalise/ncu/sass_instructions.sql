-- One row per instruction of a workload that was counted or sampled, where its code is held.
-- @raw   ncu_instructions
-- @reads action  BIGINT
-- @reads address BIGINT
-- @reads sass    VARCHAR
-- @reads file    VARCHAR
-- @reads line    INTEGER
-- @reads source  VARCHAR
-- @of    ncu_instructions
-- @fills sass_instructions = ncu_instructions

INSERT INTO sass_instructions BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    address,
    -- Indented behind the room for a predicate.
    trim(sass) AS sass,
    file AS source_file,
    line AS source_line,
    source AS source_text
FROM raw_ncu_instructions
