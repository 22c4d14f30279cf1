-- What API calls launched on GPUs, in the order of its start, and how long the one before runs meanwhile.
-- @when  nvtx_events

CREATE TEMP TABLE launched_operations AS
SELECT
    start_ns,
    end_ns,
    api_call_id,
    range_id,
    CASE WHEN end_before > start_ns AND end_ns > start_ns THEN least(end_ns, end_before) - start_ns END
        AS overlap_ns,
    CASE WHEN end_before > start_ns THEN range_before END AS previous_range_id,
    coalesce(end_two_before > start_ns, false) AS is_crowded
FROM (
    -- The windows run along as the rows come.
    SELECT
        *,
        lag(end_ns) OVER () AS end_before,
        lag(end_ns, 2) OVER () AS end_two_before,
        lag(range_id) OVER () AS range_before
    FROM (FROM gpu_operations WHERE api_call_id IS NOT NULL)
);

DROP TABLE gpu_operations;

-- Where each operation begins after the end of the last but one, it begins after the end of all before that:
-- no more than two run at once.
CREATE TEMP TABLE crowding AS
SELECT 1 FROM launched_operations WHERE is_crowded LIMIT 1
