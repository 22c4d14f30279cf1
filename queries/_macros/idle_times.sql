-- Times between operations of GPUs in which each of them did nothing; of many operations few are sorted.
--
-- Kernels mostly lie in the order of their starts. A block of them in which each follows the one before, and
-- beside which nothing else runs, is like one operation with gaps in it: what is left is sorted.
-- Columns: lane, start_ns and end_ns of a gap, gaps (1) and idle_ns. A row without times stands for the gaps
-- in blocks where none of the longest is: how many they are, and how long together.
-- @param  lanes TABLE      GPUs that are asked about: trace_id, gpu_id, lane (gpu_lane)
-- @param  least_ns BIGINT  only gaps longer than this
-- @param  most BIGINT      how many of the longest of a GPU have times, up to 1000; NULL for all
-- @param  lasting BOOLEAN  leave out operations that take no time

WITH asked AS MATERIALIZED (
    FROM query_table(lanes)
),
stored AS NOT MATERIALIZED (
    SELECT
        trace_id,
        kernel_id,
        kernel_id >> 6 AS block,
        gpu_lane(trace_id, gpu_id) AS lane,
        start_ns,
        coalesce(end_ns, start_ns) AS end_ns
    FROM kernels
    WHERE end_ns > start_ns OR (start_ns IS NOT NULL AND NOT lasting)
),
-- Two halves, for one is looked at by one processor; from the first trace that is asked about to the last.
-- What is joined takes three times as long to be looked at row after row.
middle AS MATERIALIZED (
    SELECT (min(kernel_id) + max(kernel_id)) // 2 AS kernel_id
    FROM kernels
    WHERE trace_id IN (SELECT trace_id FROM asked)
),
first_half AS NOT MATERIALIZED (
    FROM stored
    WHERE kernel_id < (SELECT kernel_id FROM middle) AND trace_id >= (SELECT min(trace_id) FROM asked)
),
second_half AS NOT MATERIALIZED (
    FROM stored
    WHERE kernel_id >= (SELECT kernel_id FROM middle) AND trace_id <= (SELECT max(trace_id) FROM asked)
),
blocks AS MATERIALIZED (
    SELECT
        block,
        min(lane) AS first_lane,
        max(lane) AS last_lane,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        max(start_ns) AS last_start_ns,
        min(end_ns) AS first_end_ns,
        count(*) - count(gap_ns) AS pieces,
        count(*) FILTER (gap_ns > least_ns) AS gaps,
        sum(gap_ns) FILTER (gap_ns > least_ns) AS idle_ns,
        max(gap_ns) AS longest_ns
    FROM (FROM as_they_lie(first_half) UNION ALL FROM as_they_lie(second_half))
    GROUP BY block
),
others AS NOT MATERIALIZED (
    SELECT lane, start_ns, coalesce(end_ns, start_ns) AS end_ns
    FROM gpu_operations AS operations
    JOIN asked
        ON asked.trace_id = operations.trace_id AND asked.gpu_id IS NOT DISTINCT FROM operations.gpu_id
    WHERE kind <> 'kernel' AND (end_ns > start_ns OR NOT lasting)
),
-- A block in pieces may be busy at any time from its first start to its last end, on any of its GPUs.
side_by_side AS (
    SELECT
        asked.lane,
        start_ns,
        end_ns,
        CASE WHEN pieces = 1 THEN block END AS block,
        last_start_ns,
        first_end_ns,
        gaps,
        idle_ns,
        longest_ns
    FROM blocks
    JOIN asked ON asked.lane BETWEEN first_lane AND last_lane
    WHERE most <= 1000
    UNION ALL BY NAME
    FROM others
    ORDER BY lane, start_ns, end_ns
),
followed AS (
    SELECT
        *,
        lead(lane) OVER () IS NOT DISTINCT FROM lane AND lead(start_ns) OVER () <= last_start_ns AS is_joined
    FROM side_by_side
),
-- What began before ends no later than the first kernel, and what begins later does so after the last.
alone AS MATERIALIZED (
    SELECT block, lane, start_ns, end_ns, gaps, idle_ns, longest_ns
    FROM one_by_one(followed)
    WHERE block IS NOT NULL AND NOT is_joined AND coalesce(busy_until_ns <= first_end_ns, true)
),
crowded AS (
    SELECT block FROM blocks ANTI JOIN alone USING (block)
),
sorted AS (
    SELECT lane, start_ns, end_ns FROM alone
    UNION ALL
    FROM others
    UNION ALL
    SELECT lane, start_ns, end_ns
    FROM stored SEMI JOIN crowded USING (block)
    WHERE lane IN (SELECT lane FROM asked)
    ORDER BY lane, start_ns, end_ns
),
-- As many blocks as gaps are asked for, by their longest ones, hold the longest.
ranked AS (
    SELECT *, max(longest_ns, greatest(1, least(most, 1000))) OVER (PARTITION BY lane) AS longest
    FROM alone
    WHERE gaps > 0
),
told AS MATERIALIZED (
    SELECT *, most >= 1 AND coalesce(longest_ns >= longest[most], true) AS has_longest FROM ranked
),
told_kernels AS (
    SELECT stored.* FROM stored SEMI JOIN (FROM told WHERE has_longest) AS named USING (block)
),
timed AS (
    SELECT lane, busy_until_ns AS start_ns, start_ns AS end_ns FROM one_by_one(sorted)
    UNION ALL
    SELECT lane, lag(end_ns) OVER (PARTITION BY block ORDER BY start_ns, end_ns), start_ns FROM told_kernels
)
SELECT lane, start_ns, end_ns, 1 AS gaps, end_ns - start_ns AS idle_ns
FROM timed
WHERE end_ns - start_ns > least_ns
UNION ALL
SELECT lane, NULL, NULL, sum(gaps), sum(idle_ns)
FROM told
WHERE NOT has_longest
GROUP BY lane
