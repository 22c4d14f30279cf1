-- How late ranks come to their collectives, with the process that each is: pids are no processes.
--
-- Without start-up, a rank's runs that begin before the first step behind warm-up of its process are left
-- out; those that others began later are not.
--
-- Columns: those of the question nccl_straggler, which says what they mean; process_id; began_ns and
-- ended_ns, from the first start to the last end of its runs, by the clock of its trace.
-- @param  chosen VARCHAR[]       names of traces; NULL for all
-- @param  names VARCHAR          short, full or distinct, see kernels_called
-- @param  communication VARCHAR  name or pattern, ignoring case; NULL for all
-- @param  start_up BOOLEAN       whether what is start-up counts

WITH members AS (
    FROM job_members(chosen)
),
communicating AS (
    FROM communication_called(chosen, names, communication)
),
clocks AS (
    FROM job_clocks(members, communicating)
),
runs AS (
    SELECT *, ranks > 1 AS is_shared FROM collective_runs(communicating, clocks)
),
-- By their own clock, and after they were matched with all that others run.
counted AS (
    SELECT kernel_id FROM communicating WHERE start_up
    UNION ALL
    SELECT kernel_id FROM behind_start_up('communicating') WHERE NOT start_up
)
SELECT
    traces.trace,
    called AS kernel,
    communicator,
    process_id,
    pid,
    device_id,
    count_if(is_shared)::BIGINT AS collectives,
    count_if(NOT is_shared)::BIGINT AS alone,
    count_if(is_shared AND start_ns = last_start_ns)::BIGINT AS times_last,
    (sum(start_ns - first_start_ns) FILTER (is_shared))::BIGINT AS late_ns,
    median(start_ns - first_start_ns) FILTER (is_shared) AS median_late_ns,
    max(start_ns - first_start_ns) FILTER (is_shared) AS max_late_ns,
    (sum(last_start_ns - start_ns) FILTER (is_shared))::BIGINT AS waited_ns,
    percent(
        sum(last_start_ns - start_ns) FILTER (is_shared),
        sum(runs.duration_ns) FILTER (is_shared)
    ) AS waited_pct,
    clock_offset_ns,
    min(start_ns - shift_ns) AS began_ns,
    max(end_ns - shift_ns) AS ended_ns
FROM runs
JOIN traces USING (trace_id)
SEMI JOIN counted USING (kernel_id)
GROUP BY traces.trace, called, communicator, process_id, pid, device_id, clock_offset_ns
HAVING collectives > 0
