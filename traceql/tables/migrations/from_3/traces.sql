-- What version 4 has tables for was not stored before.

SELECT * EXCLUDE (unstored) REPLACE (
    list_concat(missing, unstored) AS missing,
    CASE WHEN len(unstored) > 0
         THEN list_concat(unread, [one || ' (not stored by an older traceql)' FOR one IN unstored])
         ELSE unread END AS unread
)
FROM (
    SELECT
        *,
        if(
            profiler = 'nsys',
            [
                'cpu_samples', 'python_samples', 'thread_states', 'call_stacks', 'memory_pool_events',
                'event_records', 'library_calls', 'profiler_overhead', 'counter_samples', 'gpu_context_switches',
                'streams', 'generic_events'
            ],
            []
        ) AS unstored
    FROM old.traces
)
