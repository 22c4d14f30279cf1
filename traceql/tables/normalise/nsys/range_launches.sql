-- A call that launched several operations is one launch of the ranges that hold it.
-- @when  several_each

-- Operations of one call have the range of the call. All but one of them.
CREATE TEMP TABLE beyond_first AS
SELECT range_id, sum(operations - 1)::BIGINT AS operations
FROM (
    SELECT any_value(range_id) AS range_id, count(*) AS operations
    FROM gpu_operations
    WHERE range_id IS NOT NULL
    GROUP BY api_call_id
    HAVING count(*) > 1
)
GROUP BY range_id;

UPDATE range_projections SET launches = range_projections.launches - beyond.operations
FROM (
    SELECT ancestor_id AS range_id, sum(beyond_first.operations)::BIGINT AS operations
    FROM beyond_first
    JOIN range_climbs USING (range_id)
    GROUP BY ancestor_id
) AS beyond
WHERE range_projections.range_id = beyond.range_id
