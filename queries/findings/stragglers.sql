-- How long do ranks wait in collectives for the one that comes last?
--
-- What a rank runs before its first step behind warm-up is start-up, and not counted, as nccl_straggler
-- counts it.
-- saving_ns: what the trace's ranks wait in all, an upper bound: if all came at the same time, none would
-- wait.
-- @of     timeline
-- @once   question
-- @param  communication VARCHAR = NULL  name or pattern, ignoring case, of communication kernels
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @needs  kernels timeline
-- @says   straggler Ranks wait {waited_ns} in {collectives|collective|collectives} for the one that comes
--         last, most of it in {kernel}; process {pid} on device {device_id} waits most.
-- @proof  straggler nccl_straggler trace=*
-- @try    straggler See who comes late, and whether by its host, more work or slower kernels
--         ({query job-stragglers trace=*}), and what the slowest rank does that the fastest one does not (of
--         traces in a database: traceql diff --job {job}).

WITH parts AS (
    FROM delays_of_ranks($trace, 'short', $communication, false)
),
ranks AS (
    -- A rank has a part for each kernel and communicator.
    SELECT
        trace,
        process_id,
        pid,
        device_id,
        sum(waited_ns)::BIGINT AS waited_ns,
        sum(collectives)::BIGINT AS collectives
    FROM parts
    GROUP BY trace, process_id, pid, device_id
),
kernels_waited AS (
    SELECT trace, kernel, sum(waited_ns)::BIGINT AS waited_ns
    FROM parts
    GROUP BY trace, kernel
),
found AS (
    SELECT
        trace,
        sum(waited_ns)::BIGINT AS waited_ns,
        max(collectives) AS collectives,
        max({'ns': waited_ns, 'pid': pid, 'device_id': device_id}) AS most
    FROM ranks
    GROUP BY trace
),
-- From the first start to the last end of what communicates on these ranks.
places AS (
    SELECT trace, min(began_ns) AS start_ns, max(ended_ns) AS end_ns
    FROM parts
    GROUP BY trace
),
named AS (
    SELECT trace, arg_max(kernel, (waited_ns, kernel)) AS kernel
    FROM kernels_waited
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
    MAP {'kernel': kernel} AS texts,
    NULL::VARCHAR AS range,
    start_ns,
    end_ns
FROM found
JOIN named USING (trace)
JOIN places USING (trace)
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE saving_pct >= $least_pct
ORDER BY trace
