-- Where more than two operations run at once: which of them do, and which crowd they are of.
-- @when  crowding

CREATE TEMP TABLE crowded_operations AS
SELECT
    start_ns,
    end_ns,
    api_call_id,
    range_id,
    coalesce(covered_two_before > start_ns, false) AS is_crowded,
    CASE WHEN covered_before > start_ns AND NOT is_crowded AND end_ns > start_ns
         THEN least(end_ns, end_before) - start_ns END AS overlap_ns,
    range_before AS previous_range_id,
    place,
    -- Operations that run at the same time, directly or through others, are of one crowd.
    count(*) FILTER (covered_before IS NULL OR covered_before <= start_ns)
        OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS crowd
FROM (
    -- The windows run along as the rows come.
    SELECT
        * EXCLUDE (is_crowded),
        row_number() OVER () AS place,
        lag(covered_until) OVER () AS covered_before,
        lag(covered_until, 2) OVER () AS covered_two_before,
        lag(end_ns) OVER () AS end_before,
        lag(range_id) OVER () AS range_before
    FROM (
        SELECT *, max(end_ns) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS covered_until
        FROM gpu_operations
    )
);

DROP TABLE gpu_operations;
ALTER TABLE crowded_operations RENAME TO gpu_operations
