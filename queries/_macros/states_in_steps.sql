-- For how long a GPU is in each of its states, in each of its steps.
--
-- A stretch of gpu_states is part of the step in which it begins; what was before the first step is left out.
--
-- Columns: trace_id, gpu_id, owner, step, range, step_start_ns, and those that state_sums adds.
-- @param  operations TABLE  rows of operations_by_work, with the owner of their lane
-- @param  steps TABLE       rows of gpu_steps

WITH _operations AS NOT MATERIALIZED (
    FROM query_table(operations)
),
_steps AS (
    FROM query_table(steps)
),
lanes AS MATERIALIZED (
    FROM lanes_of('_operations')
),
points AS NOT MATERIALIZED (
    FROM gpu_points('_operations', 'lanes')
),
numbered AS (
    SELECT
        stepped.*,
        lane,
        row_number() OVER (PARTITION BY lane ORDER BY step_start_ns) AS number
    FROM _steps AS stepped
    JOIN lanes
        ON lanes.trace_id = stepped.trace_id AND lanes.owner = stepped.owner
        AND lanes.gpu_id IS NOT DISTINCT FROM stepped.gpu_id
),
-- Ranges begin with an operation that has a length; kernels tell steps that begin with others, too, from
-- which no stretch begins.
told_by_kernels AS (
    FROM numbered WHERE range IS NULL
),
marks AS (
    SELECT lane, step_start_ns AS at_ns FROM numbered WHERE range IS NOT NULL
    UNION ALL
    SELECT told_by_kernels.lane, points.at_ns
    FROM told_by_kernels
    ASOF JOIN (FROM points WHERE lane IN (SELECT lane FROM told_by_kernels)) AS points
        ON points.lane = told_by_kernels.lane AND points.at_ns >= told_by_kernels.step_start_ns
),
-- How many steps have begun stands above what runs.
heights AS (
    SELECT
        lane,
        lead(at_ns) OVER by_time - at_ns AS time_ns,
        sum(step) OVER (by_time ROWS UNBOUNDED PRECEDING) AS running
    FROM (FROM points UNION ALL SELECT lane, at_ns, 1::HUGEINT << 93 FROM marks)
    WINDOW by_time AS (PARTITION BY lane ORDER BY at_ns)
),
states AS (
    SELECT
        trace_id,
        gpu_id,
        owner,
        step,
        range,
        step_start_ns,
        0 AS start_ns,
        time_ns AS end_ns,
        state_of(running) AS state
    FROM (
        SELECT lane, running >> 93 AS number, running & ((1::HUGEINT << 93) - 1) AS running,
               sum(time_ns) AS time_ns
        FROM heights
        WHERE time_ns > 0
        GROUP BY ALL
    )
    JOIN numbered USING (lane, number)
)
FROM state_sums(states)
