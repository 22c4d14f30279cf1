-- A call that launched several operations is one launch of the ranges that hold it.
-- @when  beyond_first

UPDATE range_projections SET launches = range_projections.launches - beyond.operations
FROM (
    SELECT ancestor_id AS range_id, sum(beyond_first.operations)::BIGINT AS operations
    FROM beyond_first
    JOIN range_climbs USING (range_id)
    GROUP BY ancestor_id
) AS beyond
WHERE range_projections.range_id = beyond.range_id
