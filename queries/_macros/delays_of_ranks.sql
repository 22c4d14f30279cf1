-- How late ranks come to their collectives, with the process that each is: pids are no processes.
--
-- Columns: those of the question nccl_straggler, which says what they mean; process_id.
-- @param  chosen VARCHAR[]       names of traces; NULL for all
-- @param  names VARCHAR          short, full or distinct, see kernels_called
-- @param  communication VARCHAR  name or pattern, ignoring case; NULL for all

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
    clock_offset_ns
FROM runs
JOIN traces USING (trace_id)
GROUP BY traces.trace, called, communicator, process_id, pid, device_id, clock_offset_ns
HAVING collectives > 0
