-- What version 4 has tables for was not stored before: it is as if it had not been recorded.

SELECT * REPLACE (
    CASE WHEN profiler = 'nsys'
         THEN list_concat(missing, ['cpu_samples', 'python_samples', 'thread_states', 'call_stacks'])
         ELSE missing END AS missing
)
FROM old.traces
