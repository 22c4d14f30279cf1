-- When does each rank of a job work, wait for others, and communicate?
--
-- From collective to collective: a rank works until it comes to one, waits there for the last rank, and the
-- exchange takes until its own end. What lies between is work or idle: gpu-gaps and busy tell them apart.
-- Times are on the clock of the job's first trace.
-- @of     job
-- @param  limit BIGINT = 2000   stretches per job, the longest ones; NULL for all
-- @needs  kernels timeline
-- @column job VARCHAR           name of the job: its tag, or the name of its first trace
-- @column rank BIGINT           number of the rank, see the view jobs
-- @column trace VARCHAR         name of the trace
-- @column state VARCHAR         work or idle, waiting, or exchange
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
begun AS (
    SELECT trace_id, process_id, gpu_id, min(start_ns) + any_value(shift_ns) AS first_ns
    FROM gpu_operations
    JOIN numbered USING (trace_id, process_id, gpu_id)
    GROUP BY trace_id, process_id, gpu_id
),
stretches AS (
    SELECT
        trace_id,
        process_id,
        gpu_id,
        kernel_id,
        kernel,
        communicator,
        unnest([
            {'state': 'work or idle', 'from_ns': coalesce(before_ns, first_ns), 'to_ns': start_ns},
            {'state': 'waiting', 'from_ns': start_ns, 'to_ns': last_start_ns},
            {'state': 'exchange', 'from_ns': last_start_ns, 'to_ns': end_ns}
        ], recursive := true)
    FROM runs
    JOIN begun USING (trace_id, process_id, gpu_id)
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
JOIN numbered USING (trace_id, process_id, gpu_id)
WHERE from_ns < to_ns AND in_window(from_ns, to_ns, $from, $to)
QUALIFY within_limit(
    row_number() OVER (PARTITION BY job_id ORDER BY duration_ns DESC, from_ns, kernel_id, state), $limit
)
ORDER BY job, job_id, rank NULLS LAST, start_ns, kernel_id, duration_ns, state
