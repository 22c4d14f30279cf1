-- What holds nothing lies in a range: marks, and ranges without length.
-- @when  lying_ranges

CREATE TEMP TABLE lying_places AS
SELECT lying.range_id, lying.parent_id, coalesce(depth + 1, 0) AS depth
FROM (
    SELECT leaf.range_id, range_timeline.holder_id AS parent_id
    FROM lying_ranges AS leaf
    ASOF LEFT JOIN range_timeline
        ON range_timeline.thread = leaf.thread AND range_timeline.at_ns <= leaf.start_ns
) AS lying
LEFT JOIN stack_parents ON stack_parents.range_id = lying.parent_id
