-- How many kernels run on each GPU.

SELECT gpu_id, 'running kernels' AS track, 'kernels' AS unit, start_ns AS time_ns, 1 AS change
FROM kernels
WHERE trace_id = $trace_id AND end_ns > start_ns
UNION ALL
SELECT gpu_id, 'running kernels', 'kernels', end_ns, -1
FROM kernels
WHERE trace_id = $trace_id AND end_ns > start_ns
