-- What does each rank of a job do in each step, and how much of its communication is exposed?
--
-- Steps are those of communication-per-step, counted alike on all ranks (see runs_in_steps), and their five
-- parts add up to the span. What a rank waits for the last one to come to a collective is exposed, too; what
-- is left of the exposed time is the exchange itself. Times are on the clock of the job's first trace.
-- @of     job
-- @param  step VARCHAR = NULL    text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches begin a step: thread or process
-- @needs  kernels timeline
-- @column job VARCHAR            name of the job: its tag, or the name of its first trace
-- @column step BIGINT            0 for the first one of the job's first rank
-- @column rank BIGINT            number of the rank, see the view jobs
-- @column trace VARCHAR          name of the trace
-- @column pid BIGINT             process
-- @column gpu_id INTEGER         the GPU, see gpus
-- @column range VARCHAR          NVTX message of the step; NULL if kernels tell the steps
-- @column start_ns BIGINT        start of its first GPU operation
-- @column span_ns BIGINT         from there to that of the next step; of the last one, to the end of all
-- @column exposed_ns BIGINT      communication without computation
-- @column overlapped_ns BIGINT   communication beside computation
-- @column compute_ns BIGINT      computation without communication
-- @column memory_ns BIGINT       only copies and memsets
-- @column idle_ns BIGINT         nothing
-- @column waited_ns BIGINT       from its start of each collective of the step to that of the last rank
-- @column exposed_pct DOUBLE     exposed communication in percent of the span
-- @chart  grid x=step y=rank color=exposed_ns
-- @section job 30 Ranks and steps
-- @empty  No step: no range is like the one asked for, or repeats, nor do kernels. See the query nvtx-sum for
-- @empty  what to name with --step. Recorded by: nsys profile --trace=nvtx

WITH numbered AS (
    FROM job_ranks($trace)
),
steps AS (
    FROM gpu_steps($step, $by)
),
matched AS (
    FROM job_runs(numbered)
),
runs AS (
    FROM runs_in_steps(matched, steps)
),
waits AS (
    SELECT trace_id, process_id, gpu_id, step, sum(last_start_ns - start_ns)::BIGINT AS waited_ns
    FROM runs
    WHERE ranks > 1
    GROUP BY ALL
),
moves AS (
    SELECT DISTINCT trace_id, process_id, gpu_id, moved FROM runs
),
operations AS NOT MATERIALIZED (
    SELECT operations_by_work.*, process_id AS owner
    FROM operations_by_work
    SEMI JOIN numbered USING (trace_id)
),
summed AS (
    SELECT sums.* REPLACE (step + coalesce(moved, 0) AS step)
    FROM states_in_steps(operations, steps) AS sums
    LEFT JOIN moves
        ON moves.trace_id = sums.trace_id AND moves.process_id = owner
        AND moves.gpu_id IS NOT DISTINCT FROM sums.gpu_id
)
SELECT
    job,
    summed.step,
    rank,
    numbered.trace,
    pid,
    numbered.gpu_id,
    range,
    step_start_ns + shift_ns AS start_ns,
    span_ns,
    exposed_ns,
    overlapped_ns,
    compute_ns,
    memory_ns,
    idle_ns,
    coalesce(waited_ns, 0) AS waited_ns,
    exposed_pct
FROM summed
JOIN numbered
    ON numbered.trace_id = summed.trace_id AND numbered.process_id = owner
    AND numbered.gpu_id IS NOT DISTINCT FROM summed.gpu_id
LEFT JOIN waits
    ON waits.trace_id = summed.trace_id AND waits.process_id = owner
    AND waits.gpu_id IS NOT DISTINCT FROM summed.gpu_id AND waits.step = summed.step
WHERE in_window(step_start_ns + shift_ns, step_start_ns + shift_ns + span_ns, $from, $to)
ORDER BY job, job_id, summed.step, rank NULLS LAST, numbered.trace, owner, numbered.gpu_id, start_ns
