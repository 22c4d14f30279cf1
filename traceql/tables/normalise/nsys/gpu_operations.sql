-- What GPUs did, in the order of its start.

CREATE TEMP TABLE gpu_operations AS
FROM (
    SELECT start_ns, end_ns, api_call_id, range_id FROM kernels WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT start_ns, end_ns, api_call_id, range_id FROM memory_ops WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT start_ns, end_ns, api_call_id, range_id FROM graph_launches
    WHERE trace_id = getvariable('trace_id')
)
ORDER BY start_ns, end_ns;

-- Whether any lies in another one, or has the times of another one, or more than two run at once. Where each
-- begins after the end of the last but one, it begins after the end of all before that.
SET VARIABLE operations_meet = (
    SELECT coalesce(bool_or(
        start_ns < end_two_before OR end_ns < end_before OR start_ns = start_before AND end_ns = end_before
    ), false)
    FROM (
        -- The windows run along as the rows come.
        SELECT
            start_ns,
            end_ns,
            lag(start_ns) OVER () AS start_before,
            lag(end_ns) OVER () AS end_before,
            lag(end_ns, 2) OVER () AS end_two_before
        FROM gpu_operations
    )
)
