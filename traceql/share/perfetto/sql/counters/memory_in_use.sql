-- Memory in use of each GPU, by kind, and by process where there are several.

WITH named AS (
    SELECT
        gpu_id,
        'memory in use, ' || memory_kind
        || CASE
            WHEN (SELECT count(*) FROM processes WHERE trace_id = $trace_id) > 1
                THEN ', pid ' || coalesce(pid_text, memory_in_use.pid::VARCHAR)
            ELSE ''
        END AS track,
        'bytes' AS unit,
        -- What came before what is shown was in use when that begins.
        greatest(time_ns, since_ns) AS time_ns,
        in_use_bytes,
        memory_event_id
    FROM memory_in_use
    LEFT JOIN process_texts USING (trace_id, process_id)
    CROSS JOIN shown
    -- GPU memory adds up others.
    WHERE trace_id = $trace_id AND memory_kind <> 'GPU memory' AND (until_ns IS NULL OR time_ns < until_ns)
)
SELECT gpu_id, track, unit, time_ns, arg_max(in_use_bytes, memory_event_id) AS value
FROM named
GROUP BY gpu_id, track, unit, time_ns
