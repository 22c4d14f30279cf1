-- What processes, threads, GPUs and streams of a trace are called.

SELECT 'process' AS what, process_id, pid, pid_text, NULL::BIGINT AS tid, NULL::INTEGER AS gpu_id,
       process AS name, NULL::BIGINT AS context_id, NULL::BIGINT AS stream_id
FROM process_texts
WHERE trace_id = $trace_id
UNION ALL
SELECT 'thread', process_id, pid, NULL, tid, NULL, thread, NULL, NULL
FROM threads
WHERE trace_id = $trace_id
UNION ALL
SELECT 'gpu', NULL, NULL, NULL, NULL, gpu_id, gpu_name, NULL, NULL
FROM gpus
WHERE trace_id = $trace_id
UNION ALL
SELECT 'stream', process_id, pid, NULL, NULL, NULL, stream, context_id, stream_id
FROM streams
WHERE trace_id = $trace_id AND stream IS NOT NULL
