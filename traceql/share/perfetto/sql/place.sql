-- Where a window lies, in nanoseconds since 1970: at its own ends, and within a range at those of what lies there.

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
),
places AS (
    SELECT utc_ns + coalesce(since_ns, start_ns) AS since_ns, utc_ns + coalesce(until_ns, end_ns) AS until_ns
    FROM clocks
    JOIN looked_at USING (trace_id)
    LEFT JOIN reached USING (trace_id)
)
SELECT min(since_ns) AS since_ns, max(until_ns) AS until_ns
FROM places
WHERE since_ns < until_ns
