-- Where a window lies in each trace: at its own ends, and within a range at those of what lies there.

WITH inside AS (
    SELECT trace_id, start_ns, end_ns FROM nvtx_ranges
    UNION ALL
    SELECT trace_id, start_ns, end_ns FROM api_calls
    UNION ALL
    SELECT trace_id, start_ns, end_ns FROM kernels
    UNION ALL
    SELECT trace_id, start_ns, end_ns FROM memory_ops
    UNION ALL
    SELECT trace_id, start_ns, end_ns FROM graph_launches
),
reached AS (
    SELECT trace_id, min(start_ns) AS start_ns, max(coalesce(end_ns, start_ns)) AS end_ns
    FROM inside
    GROUP BY trace_id
)
SELECT
    looked_at.trace_id,
    coalesce(looked_at.since_ns, start_ns) AS since_ns,
    coalesce(looked_at.until_ns, end_ns) AS until_ns
FROM looked_at
LEFT JOIN reached USING (trace_id)
WHERE coalesce(looked_at.since_ns, start_ns) < coalesce(looked_at.until_ns, end_ns)
ORDER BY looked_at.trace_id
