-- How well are the clocks of a job's traces set to each other?
--
-- A trace's clock is that of UTC, moved by what most ends of collectives that it shares with an earlier
-- trace of the job are apart (see job_clocks). What the ends are apart after that is the residual: NCCL's
-- ranks do not leave a collective at the same moment, and clocks drift. Starts that differ by less are the
-- same.
-- @of     job
-- @needs  kernels timeline
-- @column job VARCHAR                name of the job: its tag, or the name of its first trace
-- @column trace VARCHAR              name of the trace
-- @column clock_known_by VARCHAR     communicator, ends or UTC; NULL of the trace whose clock it is
-- @column start_ns BIGINT            when its recording began, on the clock of the job's first trace
-- @column clock_offset_ns BIGINT     by how much its clock is ahead of that one by its UTC
-- @column collectives BIGINT         collectives that it shares with an earlier trace of the job; NULL where
--         its kernels were not recorded
-- @column median_residual_ns DOUBLE  half of their ends are no further apart
-- @column p90_residual_ns DOUBLE     9 of 10 are no further apart
-- @column max_residual_ns BIGINT     none is further apart
-- @column drift_ns_per_s DOUBLE      how much later, per second, its ends become; NULL within less than 1 s
-- @chart  bars x=trace y=p90_residual_ns
-- @section job 11 Ranks
-- @empty  No job has several traces: name it by traceql tag TRACE… job=NAME.
-- @note   SELECT format('{}: by UTC alone, sharing no collective with earlier traces of {}',
-- @note   listed(list(trace ORDER BY trace)), job)
-- @note   FROM answer WHERE clock_known_by = 'UTC' GROUP BY job ORDER BY job

WITH numbered AS (
    FROM job_ranks($trace)
),
runs AS (
    FROM job_runs(numbered)
    WHERE ranks > 1 AND in_window(first_start_ns, last_end_ns, $from, $to)
),
ended AS (
    SELECT trace_id, collective, max(end_ns) AS end_ns FROM runs GROUP BY ALL
),
apart AS (
    SELECT
        trace_id,
        end_ns,
        end_ns - first_value(end_ns) OVER collective AS apart_ns,
        row_number() OVER collective AS place
    FROM ended
    WINDOW collective AS (PARTITION BY collective ORDER BY trace_id)
),
residuals AS (
    SELECT
        trace_id,
        count(*) AS collectives,
        median(abs(apart_ns)) AS median_residual_ns,
        quantile_cont(abs(apart_ns), 0.9) AS p90_residual_ns,
        max(abs(apart_ns)) AS max_residual_ns,
        CASE WHEN max(end_ns) - min(end_ns) >= 1000000000 THEN 1e9 * regr_slope(apart_ns, end_ns) END
            AS drift_ns_per_s
    FROM apart
    WHERE place > 1
    GROUP BY trace_id
),
of_traces AS (
    SELECT DISTINCT job_id, job, trace_id, trace, clock_known_by, clock_offset_ns, shift_ns, clock_id
    FROM numbered
)
SELECT
    job,
    trace,
    clock_known_by,
    CASE WHEN clock_id = job_id THEN shift_ns END AS start_ns,
    CASE WHEN clock_id = job_id THEN clock_offset_ns END AS clock_offset_ns,
    coalesce(collectives, CASE WHEN gpu_work_recorded(missing) THEN 0 END) AS collectives,
    median_residual_ns,
    p90_residual_ns,
    max_residual_ns,
    drift_ns_per_s
FROM of_traces
JOIN (SELECT trace_id, missing FROM traces) AS recorded USING (trace_id)
LEFT JOIN residuals USING (trace_id)
QUALIFY count(*) OVER (PARTITION BY job_id) > 1
ORDER BY job, job_id, trace
