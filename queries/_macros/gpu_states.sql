-- What each GPU does, stretch after stretch, from its first operation to the end of its last one.
--
-- Columns: trace_id, gpu_id, owner, start_ns, end_ns, state: exposed (communication without computation),
-- overlapped (with it), compute (without communication), memory (only copies and memsets), waiting (nothing
-- but that, where operations have such work) or idle. The stretches of a GPU lie end to end, and a new one
-- begins with each operation.
-- @param  operations TABLE  rows of operations_by_work, with the owner of their lane (see lane_owner)

WITH points AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        work,
        unnest([start_ns, end_ns]) AS at_ns,
        unnest([1, -1]) AS step
    FROM query_table(operations)
    WHERE end_ns > start_ns
),
heights AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        at_ns AS start_ns,
        lead(at_ns) OVER by_time AS end_ns,
        sum(sum(step) FILTER (work = 'communication')) OVER by_time AS communicating,
        sum(sum(step) FILTER (work = 'compute')) OVER by_time AS computing,
        sum(sum(step) FILTER (work = 'memory')) OVER by_time AS copying,
        sum(sum(step) FILTER (work = 'waiting')) OVER by_time AS waiting
    FROM points
    GROUP BY trace_id, gpu_id, owner, at_ns
    WINDOW by_time AS (PARTITION BY trace_id, gpu_id, owner ORDER BY at_ns)
)
SELECT
    trace_id,
    gpu_id,
    owner,
    start_ns,
    end_ns,
    CASE WHEN communicating > 0 AND computing > 0 THEN 'overlapped'
         WHEN communicating > 0 THEN 'exposed'
         WHEN computing > 0 THEN 'compute'
         WHEN copying > 0 THEN 'memory'
         WHEN waiting > 0 THEN 'waiting'
         ELSE 'idle' END AS state
FROM heights
WHERE end_ns IS NOT NULL
