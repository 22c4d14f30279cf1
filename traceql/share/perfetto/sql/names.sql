-- What processes, threads and GPUs of a trace are called.

SELECT 'process' AS what, process_id, pid, NULL::BIGINT AS tid, NULL::INTEGER AS gpu_id, process AS name
FROM processes
WHERE trace_id = $trace_id
UNION ALL
SELECT 'thread', process_id, pid, tid, NULL, thread
FROM threads
WHERE trace_id = $trace_id
UNION ALL
SELECT 'gpu', NULL, NULL, NULL, gpu_id, gpu_name
FROM gpus
WHERE trace_id = $trace_id
