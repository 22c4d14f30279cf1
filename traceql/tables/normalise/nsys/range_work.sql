-- What each range caused on the GPU, it and the ranges in it.
--
-- Work is summed per innermost range, then over the ranges around it. Time in which two operations ran counts
-- once: it is taken back from a range that holds both. What else is to be taken back, or to be added where
-- more than two ran at once, and what ranges beside the tree hold, is in the next steps.
-- @when  nvtx_events

-- A row if calls launched several operations: mostly none did, and to see that takes less than to count them.
SET VARIABLE launches = (
    SELECT {'first': coalesce(min(api_call_id), 0), 'last': coalesce(max(api_call_id), 0)} FROM gpu_operations
);
CREATE TEMP TABLE several_each AS
SELECT 1
FROM gpu_operations
HAVING count(*) <> bit_count(
    bitstring_agg(api_call_id, getvariable('launches').first, getvariable('launches').last)
);

CREATE TEMP TABLE range_projections AS
WITH own AS (
    SELECT
        range_id,
        count(*) AS operations,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        -- What ran among more than two at once is added in range_crowds.
        sum(CASE WHEN is_crowded THEN 0
                 WHEN previous_range_id = range_id THEN end_ns - start_ns - coalesce(overlap_ns, 0)
                 ELSE end_ns - start_ns END)::BIGINT AS busy_ns
    FROM gpu_operations
    WHERE range_id IS NOT NULL
    GROUP BY range_id
)
SELECT
    ancestor_id AS range_id,
    sum(own.operations)::BIGINT AS operations,
    -- Where calls launched several operations each, range_launches mends it.
    sum(own.operations)::BIGINT AS launches,
    min(start_ns) AS start_ns,
    max(end_ns) AS end_ns,
    sum(busy_ns)::BIGINT AS busy_ns
FROM own
JOIN range_climbs USING (range_id)
GROUP BY ancestor_id;

-- Two operations of different ranges, at the same time.
CREATE TEMP TABLE meeting_ranges AS
SELECT range_id, previous_range_id, sum(overlap_ns) AS overlap_ns
FROM gpu_operations
WHERE overlap_ns IS NOT NULL AND previous_range_id <> range_id
GROUP BY ALL
