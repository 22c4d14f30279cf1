-- One row per sample of a thread on a CPU.
--
-- States are those of the export's table ENUM_SAMPLING_THREAD_STATE.
-- @raw   COMPOSITE_EVENTS
-- @reads id          BIGINT
-- @reads start       BIGINT
-- @reads cpu         INTEGER
-- @reads threadState INTEGER
-- @reads globalTid   BIGINT
-- @reads cpuCycles   BIGINT
-- @numbers position
-- @of    COMPOSITE_EVENTS
-- @raw   SAMPLING_CALLCHAINS
-- @reads id         BIGINT
-- @reads originalIP BIGINT
-- @reads stackDepth INTEGER
-- @fills cpu_samples = COMPOSITE_EVENTS

-- Where there are no stacks, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS chain_stacks (source VARCHAR, chain BIGINT, stack_id BIGINT);

INSERT INTO cpu_samples BY NAME
WITH states(id, label) AS (
    VALUES
        (0, NULL), (1, 'Running'), (2, 'Interruptible'), (3, 'Uninterruptible'), (4, 'Stopped'),
        (5, 'Terminated'), (6, 'Unscheduled'), (7, 'Waiting'), (8, 'OS runtime'), (9, 'Initialized'),
        (10, 'Transition')
),
numbered AS (
    SELECT
        (getvariable('trace_id') << 32) + position AS cpu_sample_id,
        start - getvariable('origin_ns') AS time_ns,
        globalTid AS thread,
        *
    FROM raw_COMPOSITE_EVENTS
),
innermost AS (
    SELECT id, min(originalIP) AS address FROM raw_SAMPLING_CALLCHAINS WHERE stackDepth = 0 GROUP BY id
)
SELECT
    cpu_sample_id,
    getvariable('trace_id') AS trace_id,
    numbered.time_ns,
    numbered.thread & -16777216 AS process_id,
    numbered.thread >> 24 & 16777215 AS pid,
    numbered.thread & 16777215 AS tid,
    cpu AS cpu_id,
    states.label AS thread_state,
    cpuCycles AS cpu_cycles,
    stack_id,
    address,
    range_timeline.range_id
FROM numbered
ASOF LEFT JOIN range_timeline
    ON range_timeline.thread = numbered.thread AND range_timeline.at_ns <= numbered.time_ns
LEFT JOIN states ON states.id = threadState
LEFT JOIN chain_stacks ON chain_stacks.source = 'sample' AND chain_stacks.chain = numbered.id
LEFT JOIN innermost ON innermost.id = numbered.id
