-- Where more than two operations run at once: each is paired with all ranges around it.
-- @when  crowding

UPDATE range_projections SET busy_ns = range_projections.busy_ns + crowded.busy_ns
FROM (
    SELECT
        range_id,
        sum(greatest(0, end_ns - greatest(start_ns, coalesce(covered_until, start_ns))))::BIGINT AS busy_ns
    FROM (
        SELECT
            range_id,
            start_ns,
            end_ns,
            is_crowded,
            max(end_ns) OVER (
                PARTITION BY range_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS covered_until
        FROM (
            SELECT ancestor_id AS range_id, place, start_ns, end_ns, is_crowded
            FROM gpu_operations
            JOIN range_climbs USING (range_id)
            WHERE crowd IN (SELECT crowd FROM gpu_operations WHERE is_crowded)
        )
    )
    WHERE is_crowded
    GROUP BY range_id
) AS crowded
WHERE range_projections.range_id = crowded.range_id
