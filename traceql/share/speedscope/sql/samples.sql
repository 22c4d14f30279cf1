-- Samples by thread, in the order of time: each thread's stacks, and the names of frames of each stack.

WITH looks AS (
    SELECT 'CPU' AS of, trace_id, process_id, pid, tid, time_ns, cpu_sample_id AS id, stack_id
    FROM cpu_samples
    UNION ALL
    SELECT 'Python', trace_id, process_id, pid, tid, time_ns, python_sample_id, stack_id
    FROM python_samples
)
SELECT
    traces.trace,
    of,
    tid,
    any_value(process) AS process,
    coalesce(any_value(pid_text), looks.pid::VARCHAR) AS pid,
    any_value(thread) AS thread,
    list(coalesce(stack_id, 0) ORDER BY time_ns, id) AS stacks
FROM looks
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN threads USING (trace_id, process_id, tid)
LEFT JOIN process_texts USING (trace_id, process_id)
GROUP BY traces.trace, trace_id, of, process_id, looks.pid, tid
ORDER BY traces.trace, of, count(*) DESC, looks.pid, tid, process_id
