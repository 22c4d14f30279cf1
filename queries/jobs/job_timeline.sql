-- When does each rank of a job work, idle, wait for others, and communicate?
--
-- From collective to collective: a rank's GPU works or idles until it comes to one, waits there for the last
-- rank, and the exchange takes until its own end. It works while any operation runs. Times are on the clock
-- of the job's first trace.
-- @of     job
-- @param  limit BIGINT = 2000   stretches per job, the longest ones; NULL for all
-- @needs  kernels timeline
-- @column job VARCHAR           name of the job: its tag, or the name of its first trace
-- @column rank BIGINT           number of the rank, see the view jobs
-- @column trace VARCHAR         name of the trace
-- @column state VARCHAR         work, idle, waiting or exchange
-- @column kernel VARCHAR        the collective that it does, or comes to
-- @column communicator VARCHAR  hash of NCCL's communicator; NULL if not recorded
-- @column start_ns BIGINT       start
-- @column duration_ns BIGINT    until the next stretch of the rank begins
-- @chart  timeline x=start_ns y=rank length=duration_ns order=rank color=state
-- @section job 31 Ranks and steps | chart
-- @empty  No collective ran on two ranks at the same time.

WITH numbered AS (
    FROM job_ranks($trace)
),
runs AS (
    SELECT
        *,
        busy_until(start_ns, end_ns, kernel_id, (trace_id, process_id, gpu_id)) AS before_ns
    FROM job_runs(numbered)
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
states AS (
    SELECT *, (trace_id, owner, gpu_id) AS place, state <> 'idle' AS is_busy FROM gpu_states(operations)
),
begun AS (
    SELECT (trace_id, owner, gpu_id) AS place, min(start_ns) AS first_ns
    FROM operations
    WHERE end_ns > start_ns
    GROUP BY trace_id, owner, gpu_id
),
-- Of runs that follow the same end, the others lie before it.
before AS (
    SELECT runs.*, begun.place, coalesce(before_ns, first_ns) AS from_ns
    FROM runs
    JOIN begun ON begun.place = (trace_id, process_id, gpu_id)
    WHERE from_ns < runs.start_ns
),
-- No collective runs between two of them, so that none of these stretches reaches beyond its end.
between_two AS (
    SELECT
        before.trace_id,
        process_id,
        before.gpu_id,
        kernel_id,
        kernel,
        communicator,
        is_busy,
        states.start_ns AS from_ns,
        states.end_ns AS to_ns,
        is_busy IS DISTINCT FROM lag(is_busy) OVER of_run AS is_new
    FROM states
    ASOF JOIN before ON before.place = states.place AND before.from_ns <= states.start_ns
    WHERE states.start_ns < before.start_ns
    WINDOW of_run AS (PARTITION BY kernel_id ORDER BY states.start_ns)
),
counted AS (
    SELECT
        *,
        count_if(is_new) OVER (PARTITION BY kernel_id ORDER BY from_ns ROWS UNBOUNDED PRECEDING) AS number
    FROM between_two
),
stretches AS (
    SELECT
        trace_id,
        process_id,
        gpu_id,
        kernel_id,
        kernel,
        communicator,
        CASE WHEN is_busy THEN 'work' ELSE 'idle' END AS state,
        min(from_ns) AS from_ns,
        max(to_ns) AS to_ns
    FROM counted
    GROUP BY trace_id, process_id, gpu_id, kernel_id, kernel, communicator, is_busy, number
    UNION ALL
    SELECT
        trace_id,
        process_id,
        gpu_id,
        kernel_id,
        kernel,
        communicator,
        unnest([
            {'state': 'waiting', 'from_ns': start_ns, 'to_ns': last_start_ns},
            {'state': 'exchange', 'from_ns': last_start_ns, 'to_ns': end_ns}
        ], recursive := true)
    FROM runs
)
SELECT
    job,
    rank,
    numbered.trace,
    state,
    kernel,
    communicator,
    from_ns AS start_ns,
    to_ns - from_ns AS duration_ns
FROM stretches
JOIN numbered
    ON numbered.trace_id = stretches.trace_id AND numbered.process_id = stretches.process_id
    AND numbered.gpu_id IS NOT DISTINCT FROM stretches.gpu_id
WHERE from_ns < to_ns AND in_window(from_ns, to_ns, $from, $to)
QUALIFY within_limit(
    row_number() OVER (PARTITION BY job_id ORDER BY duration_ns DESC, from_ns, kernel_id, state), $limit
)
ORDER BY job, job_id, rank NULLS LAST, start_ns, kernel_id, duration_ns, state
