-- What each GPU does, stretch after stretch, from its first operation to the end of its last one.
--
-- Columns: trace_id, gpu_id, owner, start_ns, end_ns, state: exposed (communication without computation),
-- overlapped (with it), compute (without communication), memory (only copies and memsets) or idle. The
-- stretches of a GPU lie end to end, and a new one begins with each operation.
-- @param  operations TABLE  rows of operations_by_work, with the owner of their lane (see lane_owner)

WITH _operations AS NOT MATERIALIZED (
    FROM query_table(operations)
),
lanes AS MATERIALIZED (
    FROM lanes_of('_operations')
),
points AS (
    FROM gpu_points('_operations', 'lanes')
),
-- Of points at one time the last one has a length.
heights AS (
    SELECT
        lane,
        at_ns AS start_ns,
        lead(at_ns) OVER by_time AS end_ns,
        sum(step) OVER (by_time ROWS UNBOUNDED PRECEDING) AS running
    FROM points
    WINDOW by_time AS (PARTITION BY lane ORDER BY at_ns)
)
SELECT trace_id, gpu_id, owner, start_ns, end_ns, state_of(running) AS state
FROM heights
JOIN lanes USING (lane)
WHERE end_ns > start_ns
