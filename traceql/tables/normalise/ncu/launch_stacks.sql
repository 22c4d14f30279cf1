-- One row per frame of a stack from which a workload was launched.
-- @raw   ncu_stacks
-- @reads action   BIGINT
-- @reads kind     VARCHAR
-- @reads depth    INTEGER
-- @reads function VARCHAR
-- @reads file     VARCHAR
-- @reads line     BIGINT
-- @reads module   VARCHAR
-- @reads address  BIGINT
-- @of    ncu_stacks
-- @fills launch_stacks = ncu_stacks

INSERT INTO launch_stacks BY NAME
SELECT
    getvariable('trace_id') AS trace_id,
    (getvariable('trace_id') << 32) + action + 1 AS kernel_id,
    kind AS stack_kind,
    depth AS frame_depth,
    function AS frame_function,
    file AS frame_file,
    line AS frame_line,
    module AS frame_module,
    address AS frame_address
FROM raw_ncu_stacks
