-- One row per traced operating system function call.
--
-- Class 27 is a call; 31 and 32 mark the start and the end of the tracing itself and are left out.
-- @raw   OSRT_API
-- @reads start       BIGINT
-- @reads end         BIGINT
-- @reads eventClass  INTEGER
-- @reads globalTid   BIGINT
-- @reads nameId      BIGINT
-- @reads callchainId BIGINT
-- @of    OSRT_API
-- @fills os_calls = OSRT_API WHERE eventClass = 27

-- Where there are no stacks, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS chain_stacks (source VARCHAR, chain BIGINT, stack_id BIGINT);

INSERT INTO os_calls BY NAME
WITH numbered AS (
    SELECT (getvariable('trace_id') << 32) + row_number() OVER () AS os_call_id, *
    FROM raw_OSRT_API
    WHERE eventClass = 27
)
SELECT
    os_call_id,
    getvariable('trace_id') AS trace_id,
    strings.value AS name,
    start - getvariable('origin_ns') AS start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    stack_id
FROM numbered
LEFT JOIN strings ON strings.id = nameId
LEFT JOIN chain_stacks ON chain_stacks.source = 'os' AND chain_stacks.chain = callchainId
