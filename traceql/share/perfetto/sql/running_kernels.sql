-- How many kernels run on each GPU, whenever that changes.

WITH changes AS (
    SELECT gpu_id, time_ns, sum(change) AS change
    FROM (
        SELECT gpu_id, start_ns AS time_ns, 1 AS change
        FROM kernels
        WHERE trace_id = $trace_id AND end_ns > start_ns
        UNION ALL
        SELECT gpu_id, end_ns, -1
        FROM kernels
        WHERE trace_id = $trace_id AND end_ns > start_ns
    )
    GROUP BY gpu_id, time_ns
    HAVING sum(change) <> 0
)
SELECT
    gpu_id,
    'running kernels' AS track,
    'kernels' AS unit,
    time_ns,
    sum(change) OVER (PARTITION BY gpu_id ORDER BY time_ns)::DOUBLE AS value
FROM changes
