-- What cannot be right about recorded times: said with counts and an example, and excluded from nothing.
-- @when  suspects
-- @fills doubts

INSERT INTO doubts BY NAME
WITH sentences(fault, what, why) AS (
    VALUES
        ('backwards', 'end before they start', 'how long they took is not known'),
        ('overrun', 'still run when the next operation of their stream has ended', NULL),
        ('repeated', 'are recorded twice', 'an export that was appended to itself counts everything twice'),
        ('before_launch', 'start before the call that launched them', 'clocks of CPU and GPU may differ'),
        ('early', 'start before the recording', 'times count from its start'),
        ('late', 'start or end after the recording', 'shares of its length may be too large')
),
totals AS (
    SELECT 'kernels' AS table_name, count(*) AS all_events, sum(duration_ns) AS total_ns
    FROM kernels WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'memory_ops', count(*), sum(duration_ns) FROM memory_ops WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'graph_launches', count(*), sum(duration_ns)
    FROM graph_launches WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'syncs', count(*), NULL FROM syncs WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'api_calls', count(*), NULL FROM api_calls WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'os_calls', count(*), NULL FROM os_calls WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'nvtx_ranges', count(*), NULL FROM nvtx_ranges WHERE trace_id = getvariable('trace_id')
),
found AS (
    SELECT
        table_name,
        fault,
        count(*) AS events,
        sum(overrun_ns) FILTER (fault = 'overrun') AS doubtful_ns,
        -- The worst one, else the first one.
        arg_max(name, (coalesce(overrun_ns, 0), -start_ns, name)) AS example,
        arg_max(start_ns, (coalesce(overrun_ns, 0), -start_ns)) AS example_ns
    FROM (SELECT * EXCLUDE (faults), unnest(faults) AS fault FROM suspects)
    GROUP BY table_name, fault
)
SELECT
    getvariable('trace_id') AS trace_id,
    table_name,
    fault,
    events,
    doubtful_ns::BIGINT AS doubtful_ns,
    CASE WHEN doubtful_ns IS NOT NULL THEN total_ns::BIGINT END AS total_ns,
    format(
        '{:,} of {:,} {} {} (for example {} at {:,.6f} ms): {}.',
        events,
        all_events,
        table_name,
        what,
        coalesce(example, 'one without a name'),
        example_ns / 1e6,
        coalesce(why, format('{:,.3f} of {:,.3f} ms are doubtful', doubtful_ns / 1e6, total_ns / 1e6))
    ) AS text
FROM found
JOIN totals USING (table_name)
JOIN sentences USING (fault)
ORDER BY table_name, fault
