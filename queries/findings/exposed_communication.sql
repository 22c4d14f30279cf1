-- How long do GPUs communicate without computing?
--
-- Communication that begins before the first step behind warm-up of its process is start-up, and not counted,
-- as communication_overlap counts it.
-- saving_ns: that time of all GPUs, an upper bound: beside computation communication costs nothing, but for
-- what both need.
-- @of     times
-- @unites trace
-- @once   question
-- @param  least_pct DOUBLE = 1  share of the time from which on it is told
-- @needs  kernels timeline
-- @says   exposed_communication Communication takes {exposed_ns} in which nothing is computed, on
--         {gpus|GPU|GPUs}; {hidden_pct} of it runs beside computation.
-- @try    exposed_communication Start collectives earlier or in smaller pieces (bucket sizes, prefetching of
--         shards), and see which rank comes late ({query rank-balance trace=*}).
-- @proof  exposed_communication communication_overlap

-- Where nothing communicates, nothing is exposed, and what the GPU does need not be known.
WITH whole AS (
    SELECT operations_by_work.*, 0 AS owner
    FROM operations_by_work
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE trace_id IN (SELECT trace_id FROM kernels_communicating)
),
communicating AS (
    FROM whole WHERE work = 'communication'
),
-- What computes hides communication, whenever its process began it.
operations AS (
    FROM whole WHERE work <> 'communication'
    UNION ALL
    SELECT * EXCLUDE (first_step_ns) FROM behind_start_up('communicating')
),
states AS (
    SELECT trace, states.* EXCLUDE (trace_id)
    FROM gpu_states(operations) AS states
    JOIN traces USING (trace_id)
),
places AS (
    SELECT trace, min(start_ns) AS start_ns, max(end_ns) AS end_ns
    FROM states
    WHERE state = 'exposed'
    GROUP BY trace
),
found AS (
    SELECT
        trace,
        count(*) AS gpus,
        sum(exposed_ns)::BIGINT AS exposed_ns,
        percent(sum(overlapped_ns), sum(overlapped_ns) + sum(exposed_ns)) AS hidden_pct
    FROM state_sums(states)
    GROUP BY trace
)
SELECT
    trace,
    'exposed_communication' AS code,
    severity_of(exposed_ns, whole_ns) AS severity,
    exposed_ns AS saving_ns,
    percent(exposed_ns, whole_ns) AS saving_pct,
    MAP {'gpus': gpus::DOUBLE, 'exposed_ns': exposed_ns::DOUBLE, 'hidden_pct': hidden_pct} AS numbers,
    MAP {}::MAP(VARCHAR, VARCHAR) AS texts,
    NULL::VARCHAR AS range,
    start_ns,
    end_ns
FROM found
LEFT JOIN places USING (trace)
JOIN gpu_spans($trace) AS spans USING (trace)
WHERE saving_pct >= $least_pct
ORDER BY trace
