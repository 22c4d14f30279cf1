-- At what pace instances of a range follow each other: durations, the time between them, and sums so far.
--
-- Those of another process or thread are another row of instances: ranks of a job would interleave. Only
-- start/end ranges are of no thread. Columns: trace, domain, process_id, pid, tid, instance (from 0),
-- start_ns, end_ns, duration_ns, accum_duration_ns, delta_ns, accum_delta_ns, range_id. The first delta is
-- the time since the start of the trace.
-- @param  instances TABLE  rows with trace, domain, style, process_id, pid, tid, range_id, start_ns, end_ns

WITH numbered AS (
    SELECT
        * REPLACE (CASE WHEN style = 'pushpop' THEN tid END AS tid),
        row_number() OVER by_start - 1 AS instance,
        end_ns - start_ns AS duration_ns,
        start_ns - lag(end_ns, 1, 0) OVER by_start AS delta_ns
    FROM query_table(instances)
    WINDOW by_start AS (
        PARTITION BY trace, domain, process_id, CASE WHEN style = 'pushpop' THEN tid END
        ORDER BY start_ns, range_id
    )
)
SELECT
    trace,
    domain,
    process_id,
    pid,
    tid,
    instance,
    start_ns,
    end_ns,
    duration_ns,
    (sum(duration_ns) OVER so_far)::BIGINT AS accum_duration_ns,
    delta_ns,
    (sum(delta_ns) OVER so_far)::BIGINT AS accum_delta_ns,
    range_id
FROM numbered
WINDOW so_far AS (PARTITION BY trace, domain, process_id, tid ORDER BY instance)
