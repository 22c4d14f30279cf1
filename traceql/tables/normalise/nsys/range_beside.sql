-- Which ranges hold what is launched at a time, though the current range does not lie in them.
--
-- They cross the current one, or one around it.
-- @when  crossing

CREATE TEMP TABLE beside_timeline AS
WITH beside AS (
    SELECT crossing_open.thread, crossing_open.at_ns, list(crossing_open.range_id) AS ranges
    FROM crossing_open
    JOIN range_timeline USING (thread, at_ns)
    LEFT JOIN range_climbs
        ON range_climbs.range_id = range_timeline.range_id AND ancestor_id = crossing_open.range_id
    WHERE is_last AND ancestor_id IS NULL
    GROUP BY ALL
)
SELECT thread, at_ns, ranges
FROM range_timeline
SEMI JOIN crossing_moments USING (thread, at_ns)
LEFT JOIN beside USING (thread, at_ns)
QUALIFY ranges IS NOT NULL OR lag(ranges) OVER (PARTITION BY thread ORDER BY at_ns) IS NOT NULL
