-- Which rank of a job do the others wait for, and which one waits most?
--
-- By what a rank waits for the last one in a collective, on the average: the slowest rank, which waits
-- least, is number 1. The first collective is left out, as ranks start up before it. What sets the slowest
-- rank apart from the fastest: traceql diff --job JOB.
-- @of     job
-- @param  skip BIGINT = 1       collectives at the start of the job that are left out
-- @needs  kernels timeline
-- @column job VARCHAR           name of the job: its tag, or the name of its first trace
-- @column place BIGINT          1 for the slowest rank
-- @column rank BIGINT           number of the rank, see the view jobs
-- @column trace VARCHAR         name of the trace
-- @column pid BIGINT            process
-- @column gpu_id INTEGER        the GPU, see gpus
-- @column collectives BIGINT    runs with another rank in the same collective
-- @column times_last BIGINT     how often it was the last one to begin
-- @column late_ns BIGINT        its starts after those of the first rank, in all
-- @column waited_ns BIGINT      its starts before those of the last rank, in all
-- @column avg_waited_ns DOUBLE  mean of these
-- @column exchange_ns BIGINT    from the start of the last rank to its own end, in all
-- @chart  bars x=rank y=waited_ns
-- @section job 20 Who is late | expanded
-- @empty  No collective ran on two ranks at the same time.

WITH numbered AS (
    FROM job_ranks($trace)
),
runs AS (
    FROM job_runs(numbered)
    WHERE ranks > 1
    QUALIFY dense_rank() OVER (PARTITION BY job_id ORDER BY first_start_ns, collective) > $skip
        AND in_window(first_start_ns, last_end_ns, $from, $to)
),
summed AS (
    SELECT
        trace_id,
        process_id,
        gpu_id,
        count(*) AS collectives,
        count_if(start_ns = last_start_ns)::BIGINT AS times_last,
        sum(start_ns - first_start_ns)::BIGINT AS late_ns,
        sum(last_start_ns - start_ns)::BIGINT AS waited_ns,
        avg(last_start_ns - start_ns) AS avg_waited_ns,
        sum(end_ns - last_start_ns)::BIGINT AS exchange_ns
    FROM runs
    GROUP BY ALL
)
SELECT
    job,
    row_number() OVER (
        PARTITION BY job_id
        ORDER BY avg_waited_ns, rank NULLS LAST, summed.trace_id, summed.process_id, summed.gpu_id
    ) AS place,
    rank,
    trace,
    pid,
    summed.gpu_id,
    collectives,
    times_last,
    late_ns,
    waited_ns,
    avg_waited_ns,
    exchange_ns
FROM summed
JOIN numbered
    ON numbered.trace_id = summed.trace_id AND numbered.process_id = summed.process_id
    AND numbered.gpu_id IS NOT DISTINCT FROM summed.gpu_id
ORDER BY job, job_id, place
