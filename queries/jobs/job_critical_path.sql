-- Which work of which ranks decides how long each step of a job takes?
--
-- Told from the end: a collective cannot end before its last rank has come, so that rank's work before it
-- decides, back to the end of the collective that this rank was in before, and so on to the step before. A
-- step reaches from there to the end of its own last collective. What a rank does between collectives counts
-- whole, as if it could do only one thing after the other. Times are on the clock of the job's first trace;
-- between two of them a path is made of the collectives that lie there, with the work before the first one.
-- @of     job
-- @param  step VARCHAR = NULL    text or pattern of the ranges that are steps; NULL to find them
-- @param  by VARCHAR(thread|process) = 'thread'  whose launches begin a step: thread or process
-- @param  limit BIGINT = 10      steps per job, the longest ones; NULL for all
-- @needs  kernels timeline
-- @column job VARCHAR            name of the job: its tag, or the name of its first trace
-- @column step BIGINT            0 for the first one of the job's first rank; NULL without steps
-- @column place BIGINT           on the path, from 1
-- @column rank BIGINT            the rank whose work it is; of a collective, the last to come
-- @column trace VARCHAR          its trace
-- @column part VARCHAR           work, before a collective; or collective, from when all ranks are in it
-- @column kernel VARCHAR         of a collective; NULL of work
-- @column communicator VARCHAR   of a collective; NULL if not recorded
-- @column start_ns BIGINT        start of the work, or of the last rank of the collective
-- @column duration_ns BIGINT     until the last rank begins the next collective, or the end of this one
-- @column busy_ns BIGINT         of it, with the rank's GPU at work
-- @column path_ns BIGINT         all of the step
-- @column share_pct DOUBLE       duration in percent of it
-- @chart  timeline x=start_ns y=rank length=duration_ns color=part
-- @section job 60 Critical path
-- @empty  No collective ran on two ranks at the same time.

WITH RECURSIVE numbered AS (
    FROM job_ranks($trace)
),
steps AS (
    FROM gpu_steps($step, $by)
),
matched AS (
    FROM job_runs(numbered)
),
runs AS (
    SELECT *, (trace_id, process_id, gpu_id) AS place
    FROM runs_in_steps(matched, steps)
    WHERE ranks > 1
),
sharing AS (
    FROM numbered
    WHERE (trace_id, process_id, gpu_id) IN (SELECT (trace_id, process_id, gpu_id) FROM runs)
),
operations AS NOT MATERIALIZED (
    SELECT works.* REPLACE (start_ns + shift_ns AS start_ns, end_ns + shift_ns AS end_ns),
           works.process_id AS owner
    FROM operations_by_work AS works
    JOIN sharing
        ON sharing.trace_id = works.trace_id AND sharing.process_id = works.process_id
        AND sharing.gpu_id IS NOT DISTINCT FROM works.gpu_id
),
-- Time at work until each stretch of a GPU begins.
worked AS (
    SELECT
        (trace_id, owner, gpu_id) AS place,
        start_ns,
        end_ns,
        state <> 'idle' AS is_busy,
        CASE WHEN is_busy THEN end_ns - start_ns ELSE 0 END AS busy_ns,
        sum(busy_ns) OVER (
            PARTITION BY trace_id, owner, gpu_id ORDER BY start_ns ROWS UNBOUNDED PRECEDING
        ) - busy_ns AS busy_before_ns
    FROM gpu_states(operations)
),
begun AS (
    SELECT (trace_id, owner, gpu_id) AS place, min(start_ns) AS first_ns
    FROM operations
    WHERE end_ns > start_ns
    GROUP BY trace_id, owner, gpu_id
),
-- Of those that end together on a rank, one.
ended AS (
    FROM runs
    QUALIFY row_number() OVER (PARTITION BY place, end_ns ORDER BY kernel_id DESC) = 1
),
lasts AS (
    SELECT
        last.collective,
        last.kernel,
        last.communicator,
        last.place,
        last.start_ns,
        last.step,
        before.collective AS before_collective,
        before.step AS before_step,
        coalesce(before.end_ns, first_ns) AS since_ns
    FROM (
        FROM runs
        WHERE in_window(first_start_ns, last_end_ns, $from, $to)
        QUALIFY row_number() OVER (PARTITION BY collective ORDER BY start_ns DESC, kernel_id) = 1
    ) AS last
    JOIN begun ON begun.place = last.place
    ASOF LEFT JOIN ended AS before ON before.place = last.place AND before.end_ns <= last.start_ns
),
finals AS (
    SELECT job_id, collective, step, end_ns
    FROM (
        SELECT runs.*, lasts.step AS step_of_last
        FROM runs
        JOIN lasts USING (collective)
    )
    QUALIFY row_number() OVER (
        PARTITION BY job_id, step_of_last ORDER BY end_ns DESC, kernel_id
    ) = 1
),
path AS (
    SELECT
        job_id,
        finals.collective AS of_path,
        0 AS depth,
        lasts.step,
        finals.end_ns AS until_ns,
        lasts.* EXCLUDE (step)
    FROM finals
    JOIN lasts USING (collective)
    UNION ALL
    SELECT job_id, of_path, depth + 1, path.step, path.since_ns, earlier.* EXCLUDE (step)
    FROM path
    JOIN lasts AS earlier ON earlier.collective = path.before_collective
    WHERE path.before_step IS NOT DISTINCT FROM path.step
),
parts AS (
    SELECT of_path, job_id, step, 2 * depth AS depth, place, kernel, communicator, start_ns,
           until_ns AS end_ns
    FROM path
    UNION ALL
    SELECT of_path, job_id, step, 2 * depth + 1, place, NULL, NULL, since_ns, start_ns
    FROM path
    WHERE since_ns < start_ns
),
moments AS (
    SELECT *, unnest([start_ns, end_ns]) AS at_ns, unnest([-1, 1]) AS sign FROM parts
),
measured AS (
    SELECT
        of_path,
        depth,
        sum(sign * (busy_before_ns + CASE WHEN is_busy THEN least(at_ns, worked.end_ns) - worked.start_ns
                                          ELSE 0 END))::BIGINT AS busy_ns
    FROM moments
    ASOF JOIN worked ON worked.place = moments.place AND worked.start_ns <= moments.at_ns
    GROUP BY of_path, depth
),
summed AS (
    SELECT
        parts.*,
        busy_ns,
        sum(end_ns - start_ns) OVER whole AS path_ns,
        row_number() OVER (PARTITION BY of_path ORDER BY depth DESC) AS number
    FROM parts
    JOIN measured USING (of_path, depth)
    WINDOW whole AS (PARTITION BY of_path)
),
longest AS (
    SELECT of_path
    FROM (SELECT DISTINCT of_path, job_id, path_ns FROM summed)
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY job_id ORDER BY path_ns DESC, of_path), $limit
    )
)
SELECT
    job,
    step,
    number AS place,
    rank,
    numbered.trace,
    CASE WHEN kernel IS NULL THEN 'work' ELSE 'collective' END AS part,
    kernel,
    communicator,
    start_ns,
    end_ns - start_ns AS duration_ns,
    busy_ns,
    path_ns::BIGINT AS path_ns,
    percent(duration_ns, path_ns) AS share_pct
FROM summed
SEMI JOIN longest USING (of_path)
JOIN numbered
    ON numbered.trace_id = summed.place[1] AND numbered.process_id = summed.place[2]
    AND numbered.gpu_id IS NOT DISTINCT FROM summed.place[3]
ORDER BY job, numbered.job_id, step NULLS FIRST, of_path, summed.number
