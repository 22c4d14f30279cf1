-- The runs of collectives with the step in which each begins, counted alike on all ranks of a job.
--
-- Steps of a rank are numbered from its first one. Of a rank whose recording began with another step than
-- that of the job's first rank, all numbers are moved by what most collectives of the two differ by.
--
-- Columns: those of `runs`; step, NULL before the first one and without steps; range, its NVTX message;
-- moved, by how much the numbers of the rank's steps were moved.
-- @param  runs TABLE   rows of collective_runs
-- @param  steps TABLE  rows of gpu_steps

WITH recorded AS (
    FROM query_table(runs)
),
stepped AS (
    SELECT recorded.*, own.step AS own_step, own.range
    FROM recorded
    ASOF LEFT JOIN (FROM query_table(steps)) AS own
        ON own.trace_id = recorded.trace_id AND own.owner = recorded.process_id
        AND own.gpu_id = recorded.gpu_id AND recorded.start_ns - shift_ns >= own.step_start_ns
),
apart AS (
    SELECT
        *,
        first_value(own_step) OVER (
            PARTITION BY job_id, collective ORDER BY trace_id, process_id, gpu_id
        ) - own_step AS steps_apart
    FROM stepped
    WHERE ranks > 1
),
moved AS (
    SELECT
        trace_id,
        process_id,
        gpu_id,
        arg_max(steps_apart, (collectives, -abs(steps_apart), steps_apart)) AS moved
    FROM (
        SELECT trace_id, process_id, gpu_id, steps_apart, count(*) AS collectives
        FROM apart
        WHERE steps_apart IS NOT NULL
        GROUP BY ALL
    )
    GROUP BY trace_id, process_id, gpu_id
)
SELECT stepped.* EXCLUDE (own_step), own_step + coalesce(moved, 0) AS step, coalesce(moved, 0) AS moved
FROM stepped
LEFT JOIN moved USING (trace_id, process_id, gpu_id)
