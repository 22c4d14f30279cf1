-- How long do ranks wait in collectives for the one that comes last?
--
-- saving_ns: what the trace's ranks wait in all, an upper bound: if all came at the same time, none would
-- wait.
-- @of     timeline
-- @unites trace
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @asks   ranks nccl_straggler
-- @says   straggler Ranks wait {waited_ns} in {collectives} collectives for the one that comes last, most of
--         it in {kernel}; process {pid} on device {device_id} waits most.
-- @try    straggler See who comes late and why (its host, more work, slower kernels): traceql query
--         job-stragglers, and traceql diff --job JOB.

WITH found AS (
    SELECT
        trace,
        sum(waited_ns)::BIGINT AS waited_ns,
        max(collectives) AS collectives,
        max({'ns': waited_ns, 'kernel': kernel, 'pid': pid, 'device_id': device_id}) AS most
    FROM ranks
    WHERE collectives > 0
    GROUP BY trace
)
SELECT
    trace,
    'straggler' AS code,
    severity_of(waited_ns, whole_ns) AS severity,
    waited_ns AS saving_ns,
    percent(waited_ns, whole_ns) AS saving_pct,
    MAP {
        'waited_ns': waited_ns::DOUBLE,
        'collectives': collectives::DOUBLE,
        'pid': most.pid::DOUBLE,
        'device_id': most.device_id::DOUBLE
    } AS numbers,
    MAP {'kernel': most.kernel} AS texts,
    NULL::VARCHAR AS range,
    NULL::BIGINT AS start_ns,
    NULL::BIGINT AS end_ns
FROM found
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE saving_pct >= $least_pct
ORDER BY trace
