-- How much communication is exposed in each step?
--
-- Steps are those of step-summary. Each reaches from its first GPU operation to that of the next step, so
-- that the steps of a process on a GPU lie end to end, and the five parts of each add up to its span.
-- Whatever the process runs in that time counts, whichever thread launched it; what was before the first
-- step is left out. Of steps that begin together, the last one has the time, and the others no row.
-- @of     timeline
-- @unites trace
-- @param  step VARCHAR = NULL    text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches begin a step: thread or process
-- @needs  kernels timeline
-- @column trace VARCHAR          name of the trace
-- @column gpu_id INTEGER         the GPU, see gpus
-- @column pid BIGINT             process
-- @column step BIGINT            0 for the first of its process and GPU
-- @column range VARCHAR          its NVTX message; NULL if kernels tell the steps
-- @column start_ns BIGINT        start of its first GPU operation
-- @column span_ns BIGINT         from there to that of the next step; of the last one, to the end of all
-- @column exposed_ns BIGINT      communication without computation
-- @column overlapped_ns BIGINT   communication beside computation
-- @column compute_ns BIGINT      computation without communication
-- @column memory_ns BIGINT       only copies and memsets
-- @column idle_ns BIGINT         nothing
-- @column exposed_pct DOUBLE     exposed communication in percent of the span
-- @column hidden_pct DOUBLE      overlapped communication in percent of all communication; NULL without any
-- @chart  points x=step y=exposed_ns color=gpu_id
-- @empty  No step: no range is like the one asked for, or repeats, nor do kernels. See the query nvtx-sum for
-- @empty  what to name with --step. Recorded by: nsys profile --trace=nvtx

WITH operations AS NOT MATERIALIZED (
    SELECT operations_by_work.*, process_id AS owner
    FROM operations_by_work
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
steps AS (
    FROM gpu_steps($step, $by)
)
SELECT
    trace,
    gpu_id,
    processes.pid,
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
FROM states_in_steps(operations, steps) AS summed
JOIN traces USING (trace_id)
JOIN processes ON processes.trace_id = summed.trace_id AND processes.process_id = owner
ORDER BY trace, gpu_id, owner, step
