-- What ran at the same time for two ranges counts once for the ranges that hold both.
-- @when  meeting_ranges

UPDATE range_projections SET busy_ns = range_projections.busy_ns - taken_back.overlap_ns
FROM (
    SELECT climbs.ancestor_id AS range_id, sum(overlap_ns)::BIGINT AS overlap_ns
    FROM meeting_ranges
    JOIN range_climbs AS climbs ON climbs.range_id = meeting_ranges.range_id
    JOIN range_climbs AS previous
        ON previous.range_id = meeting_ranges.previous_range_id AND previous.ancestor_id = climbs.ancestor_id
    GROUP BY climbs.ancestor_id
) AS taken_back
WHERE range_projections.range_id = taken_back.range_id
