-- Processes were known by their pids alone. Ranges without GPU work of their own thread had none; what others
-- may have launched for them is unknown now.

WITH idle AS (
    SELECT
        range_id,
        trace_id,
        pid AS process_id,
        tid,
        end_tid,
        start_ns,
        coalesce(end_ns, 9223372036854775807) AS until_ns
    FROM old.nvtx_ranges
    WHERE gpu_operations = 0 AND style <> 'mark'
),
launching AS (
    SELECT trace_id, pid AS process_id, tid, start_ns, end_ns
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
    FROM rule_launched_elsewhere
)
SELECT
    ranges.* REPLACE (
        CASE WHEN elsewhere.range_id IS NULL THEN gpu_operations END AS gpu_operations,
        CASE WHEN elsewhere.range_id IS NULL THEN launches END AS launches
    ),
    pid AS process_id
FROM old.nvtx_ranges AS ranges
LEFT JOIN elsewhere ON elsewhere.range_id = ranges.range_id
