-- How much communication is exposed in each step?
--
-- A step reaches from its first GPU operation to that of the next step, so that the steps of a GPU lie end
-- to end, and the five parts of each add up to its span. Whatever runs in that time counts, whichever
-- thread launched it; what was before the first step is left out.
-- @param  trace VARCHAR = NULL   only this trace
-- @param  step VARCHAR = 'execute_context_%'  LIKE pattern on the text of the ranges that are steps
-- @needs  kernels nvtx_ranges
-- @column trace VARCHAR          name of the trace
-- @column pid BIGINT             process
-- @column device_id INTEGER      CUDA device ordinal within the process
-- @column step BIGINT            0 for the first of its process and device
-- @column range VARCHAR          its NVTX message
-- @column start_ns BIGINT        start of its first GPU operation
-- @column span_ns BIGINT         from there to that of the next step; of the last one, to the end of all
-- @column exposed_ns BIGINT      communication without computation
-- @column overlapped_ns BIGINT   communication beside computation
-- @column compute_ns BIGINT      computation without communication
-- @column memory_ns BIGINT       only copies and memsets
-- @column idle_ns BIGINT         nothing
-- @column exposed_pct DOUBLE     exposed communication in percent of the span
-- @column hidden_pct DOUBLE      overlapped communication in percent of all communication; NULL without any
-- @chart  points x=step y=exposed_ns color=pid
-- @empty  Nothing was launched in a range of that name: name your steps with --step (see the query nvtx-sum).

WITH operations AS (
    SELECT operations_by_work.*
    FROM operations_by_work
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
every_state AS (
    FROM gpu_states(operations)
),
named AS (
    SELECT trace_id, range_id, text AS range
    FROM nvtx_ranges
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(text, $step) AND style <> 'mark'
),
-- A step within a step is a part of it.
outermost AS (
    FROM named
    WHERE range_id NOT IN (
        SELECT range_ancestors.range_id
        FROM range_ancestors
        JOIN named ON named.range_id = ancestor_id
        WHERE levels > 0
    )
),
launched AS (
    SELECT ancestor_id AS range_id, pid, device_id, start_ns, end_ns
    FROM (
        SELECT range_id, pid, device_id, start_ns, end_ns FROM kernels
        UNION ALL
        SELECT range_id, pid, device_id, start_ns, end_ns FROM memory_ops
        UNION ALL
        SELECT range_id, pid, device_id, start_ns, end_ns FROM graph_launches
    )
    JOIN range_ancestors USING (range_id)
    UNION ALL
    SELECT startend_kernels.range_id, pid, device_id, start_ns, end_ns
    FROM startend_kernels
    JOIN kernels USING (kernel_id)
),
begun AS (
    SELECT trace_id, pid, device_id, range_id, range, min(start_ns) AS step_start_ns
    FROM launched
    JOIN outermost USING (range_id)
    -- Of no duration, an operation begins nothing.
    WHERE start_ns < end_ns
    GROUP BY ALL
),
steps AS (
    SELECT
        * EXCLUDE (range_id),
        row_number() OVER (
            PARTITION BY trace_id, pid, device_id ORDER BY step_start_ns, range_id
        ) - 1 AS step
    FROM begun
),
states AS (
    SELECT every_state.*, step, range, step_start_ns
    FROM every_state
    ASOF JOIN steps
        ON steps.trace_id = every_state.trace_id AND steps.pid = every_state.pid
        AND steps.device_id = every_state.device_id AND every_state.start_ns >= steps.step_start_ns
)
SELECT
    trace,
    pid,
    device_id,
    step,
    range,
    step_start_ns AS start_ns,
    span_ns,
    exposed_ns,
    overlapped_ns,
    compute_ns,
    memory_ns,
    idle_ns,
    exposed_pct,
    hidden_pct
FROM state_sums(states)
JOIN traces USING (trace_id)
ORDER BY trace, pid, device_id, step
