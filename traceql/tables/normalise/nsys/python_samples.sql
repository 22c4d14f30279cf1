-- One row per sample of a thread of a Python interpreter.
-- @when  python_marks
-- @fills python_samples = python_marks WHERE is_sample

INSERT INTO python_samples BY NAME
WITH numbered AS (
    SELECT
        (getvariable('trace_id') << 32) + row_number() OVER (ORDER BY mark) AS python_sample_id,
        start - getvariable('origin_ns') AS time_ns,
        *
    FROM python_marks
    WHERE is_sample
)
SELECT
    python_sample_id,
    getvariable('trace_id') AS trace_id,
    numbered.time_ns,
    numbered.thread & -16777216 AS process_id,
    numbered.thread >> 24 & 16777215 AS pid,
    numbered.thread & 16777215 AS tid,
    thread_state,
    stack_id,
    range_timeline.range_id
FROM numbered
ASOF LEFT JOIN range_timeline
    ON range_timeline.thread = numbered.thread AND range_timeline.at_ns <= numbered.time_ns
LEFT JOIN chain_stacks ON chain_stacks.source = 'python' AND chain_stacks.chain = mark
