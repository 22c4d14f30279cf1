-- The stacks of API calls: native ones, and those of Python's interpreter, marks at the call's start.
--
-- Recent versions see a call a second time, as it comes (class 67): the stack is that of the call with its
-- correlation id.
-- @raw   CUPTI_ACTIVITY_KIND_RUNTIME
-- @reads start         BIGINT
-- @reads eventClass    INTEGER
-- @reads globalTid     BIGINT
-- @reads correlationId BIGINT
-- @reads callchainId   BIGINT
-- @of    CUPTI_ACTIVITY_KIND_RUNTIME
-- @when  chain_stacks

-- Where the report has none, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS python_marks (mark BIGINT, start BIGINT, thread BIGINT, is_sample BOOLEAN);

CREATE TEMP TABLE backtraces AS
WITH native AS (
    SELECT globalTid AS thread, correlationId AS correlation_id, start, eventClass, stack_id
    FROM (SELECT *, min(callchainId) OVER () AS first_chain FROM raw_CUPTI_ACTIVITY_KIND_RUNTIME)
    LEFT JOIN chain_stacks ON chain_stacks.source = 'cuda' AND chain_stacks.chain = callchainId - first_chain
),
-- Another call may begin at that time, too.
python AS (
    SELECT mark, native.thread, native.correlation_id, chain_stacks.stack_id
    FROM python_marks
    JOIN chain_stacks ON chain_stacks.source = 'python' AND chain_stacks.chain = mark
    JOIN native ON native.thread = python_marks.thread AND native.start = python_marks.start
    WHERE NOT is_sample
    QUALIFY row_number() OVER (PARTITION BY mark ORDER BY eventClass = 67 DESC, native.correlation_id) = 1
),
every_one AS (
    SELECT thread, correlation_id, stack_id, NULL::BIGINT AS python_stack_id
    FROM native
    WHERE stack_id IS NOT NULL
    UNION ALL
    SELECT thread, correlation_id, NULL, stack_id
    FROM python
)
SELECT
    thread & -16777216 AS process_id,
    thread & 16777215 AS tid,
    correlation_id,
    min(stack_id) AS stack_id,
    min(python_stack_id) AS python_stack_id
FROM every_one
GROUP BY ALL;

UPDATE api_calls SET stack_id = backtraces.stack_id, python_stack_id = backtraces.python_stack_id
FROM backtraces
WHERE api_calls.trace_id = getvariable('trace_id') AND api_calls.process_id = backtraces.process_id
    AND api_calls.tid = backtraces.tid AND api_calls.correlation_id = backtraces.correlation_id
