-- Where no GPU work was recorded, ranges were said to launch none.

SELECT * EXCLUDE (is_recorded) REPLACE (
    CASE WHEN is_recorded THEN gpu_operations END AS gpu_operations,
    CASE WHEN is_recorded THEN launches END AS launches
)
FROM (
    SELECT
        *,
        trace_id NOT IN (SELECT trace_id FROM old.traces WHERE list_contains(missing, 'kernels')) AS is_recorded
    FROM old.nvtx_ranges
)
