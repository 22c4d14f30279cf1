-- The runs of collectives with the step in which each begins, counted alike on all ranks of a job.
--
-- Steps of a rank are numbered from its first one. Of a rank whose recording began with another step than
-- that of the job's first rank, all numbers are moved by what most collectives of the two differ by; of one
-- that is in no collective with that rank, by way of the first rank that it is in one with.
--
-- Columns: those of `runs`; step, NULL before the first one and without steps; range, its NVTX message;
-- moved, by how much the numbers of the rank's steps were moved.
-- @param  runs TABLE   rows of collective_runs
-- @param  steps TABLE  rows of gpu_steps

WITH RECURSIVE _runs AS (
    FROM query_table(runs)
),
_steps AS (
    FROM query_table(steps)
),
stepped AS (
    SELECT recorded.*, own.step AS own_step, own.range
    FROM _runs AS recorded
    ASOF LEFT JOIN _steps AS own
        ON own.trace_id = recorded.trace_id AND own.owner = recorded.process_id
        AND own.gpu_id IS NOT DISTINCT FROM recorded.gpu_id
        AND recorded.start_ns - shift_ns >= own.step_start_ns
),
numbered AS (
    SELECT *, dense_rank() OVER (ORDER BY trace_id, process_id, gpu_id) AS place
    FROM (SELECT DISTINCT job_id, trace_id, process_id, gpu_id FROM stepped)
),
apart AS (
    SELECT
        place,
        first_value(place) OVER of_collective AS first_place,
        first_value(own_step) OVER of_collective - own_step AS steps_apart
    FROM stepped
    JOIN numbered
        ON numbered.trace_id = stepped.trace_id AND numbered.process_id = stepped.process_id
        AND numbered.gpu_id IS NOT DISTINCT FROM stepped.gpu_id
    WHERE ranks > 1 AND own_step IS NOT NULL
    WINDOW of_collective AS (PARTITION BY stepped.job_id, collective ORDER BY place)
),
-- Collectives of a rank with others behind it tell nothing of its own place.
parents AS (
    SELECT
        place,
        first_place,
        arg_max(steps_apart, (collectives, -abs(steps_apart), steps_apart)) AS steps_apart
    FROM (
        SELECT place, first_place, steps_apart, count(*) AS collectives
        FROM apart
        WHERE first_place < place
        GROUP BY ALL
    )
    GROUP BY place, first_place
    QUALIFY row_number() OVER (PARTITION BY place ORDER BY first_place) = 1
),
moved AS (
    SELECT place, 0::BIGINT AS moved FROM numbered WHERE place NOT IN (SELECT place FROM parents)
    UNION ALL
    SELECT parents.place, moved + steps_apart
    FROM moved
    JOIN parents ON parents.first_place = moved.place
)
SELECT stepped.* EXCLUDE (own_step), own_step + moved AS step, moved
FROM stepped
JOIN numbered
    ON numbered.trace_id = stepped.trace_id AND numbered.process_id = stepped.process_id
    AND numbered.gpu_id IS NOT DISTINCT FROM stepped.gpu_id
JOIN moved USING (place)
