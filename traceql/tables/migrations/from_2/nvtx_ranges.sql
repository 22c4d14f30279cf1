-- Processes were known by their pids alone. Ranges without GPU work of their own thread had none; where another
-- thread of the process launched some meanwhile, theirs is unknown now.

WITH launching AS (
    SELECT trace_id, pid, start_ns
    FROM old.api_calls
    WHERE api_call_id IN (
        SELECT api_call_id FROM old.kernels WHERE api_call_id IS NOT NULL
        UNION ALL
        SELECT api_call_id FROM old.memory_ops WHERE api_call_id IS NOT NULL
        UNION ALL
        SELECT api_call_id FROM old.graph_launches WHERE api_call_id IS NOT NULL
    )
),
elsewhere AS (
    SELECT range_id
    FROM (FROM old.nvtx_ranges WHERE gpu_operations = 0 AND style <> 'mark') AS idle
    ASOF JOIN launching
        ON launching.trace_id = idle.trace_id AND launching.pid = idle.pid
        AND launching.start_ns >= idle.start_ns
    WHERE launching.start_ns < coalesce(end_ns, 9223372036854775807)
)
SELECT
    ranges.* REPLACE (
        CASE WHEN elsewhere.range_id IS NULL THEN gpu_operations END AS gpu_operations,
        CASE WHEN elsewhere.range_id IS NULL THEN launches END AS launches
    ),
    pid AS process_id
FROM old.nvtx_ranges AS ranges
LEFT JOIN elsewhere ON elsewhere.range_id = ranges.range_id
