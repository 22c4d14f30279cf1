-- Nobody had looked at what cannot be right about recorded times.

WITH gpu_work AS (
    SELECT trace_id, 'kernels' AS table_name, kernel_id AS id, name, pid, context_id, stream_id, start_ns,
           end_ns, graph_node_id, correlation_id, api_call_id
    FROM old.kernels WHERE start_ns IS NOT NULL
    UNION ALL
    SELECT trace_id, 'memory_ops', memory_op_id, concat_ws(' ', kind, copy_kind), pid, context_id, stream_id,
           start_ns, end_ns, graph_node_id, correlation_id, api_call_id
    FROM old.memory_ops
    UNION ALL
    SELECT trace_id, 'graph_launches', graph_launch_id, 'graph ' || graph_id, pid, context_id, stream_id,
           start_ns, end_ns, NULL, correlation_id, api_call_id
    FROM old.graph_launches
),
in_streams AS (
    SELECT
        *,
        CASE WHEN lead(end_ns) OVER by_stream < end_ns AND stream_id IS NOT NULL
                  AND graph_node_id IS NULL AND lead(graph_node_id) OVER by_stream IS NULL
             THEN end_ns - lead(start_ns) OVER by_stream END AS overrun_ns,
        lag(start_ns) OVER by_stream = start_ns AND lag(end_ns) OVER by_stream = end_ns
        AND lag(table_name) OVER by_stream = table_name
        AND lag(correlation_id) OVER by_stream = correlation_id
        AND lag(graph_node_id) OVER by_stream IS NOT DISTINCT FROM graph_node_id AS is_repeated
    FROM (SELECT * REPLACE (CASE WHEN end_ns >= start_ns THEN end_ns END AS end_ns) FROM gpu_work)
    WINDOW by_stream AS (
        PARTITION BY trace_id, pid, context_id, stream_id
        ORDER BY start_ns, end_ns, correlation_id, graph_node_id, table_name, id
    )
),
events AS (
    SELECT in_streams.trace_id, table_name, in_streams.name, in_streams.start_ns, in_streams.end_ns,
           overrun_ns, is_repeated, in_streams.start_ns < calls.start_ns AS is_before_launch
    FROM in_streams
    LEFT JOIN old.api_calls AS calls ON calls.api_call_id = in_streams.api_call_id
    UNION ALL
    SELECT trace_id, table_name, name, start_ns, CASE WHEN end_ns >= start_ns THEN end_ns END, NULL, NULL,
           NULL
    FROM (
        SELECT trace_id, 'syncs' AS table_name, sync_type AS name, start_ns, end_ns FROM old.syncs
        UNION ALL
        SELECT trace_id, 'api_calls', name, start_ns, end_ns FROM old.api_calls
        UNION ALL
        SELECT trace_id, 'os_calls', name, start_ns, end_ns FROM old.os_calls
    )
),
suspects AS (
    SELECT
        events.trace_id,
        table_name,
        events.name,
        start_ns,
        overrun_ns,
        unnest(list_filter([
            CASE WHEN end_ns IS NULL THEN 'backwards' END,
            CASE WHEN overrun_ns IS NOT NULL THEN 'overrun' END,
            CASE WHEN is_repeated THEN 'repeated' END,
            CASE WHEN is_before_launch THEN 'before_launch' END,
            CASE WHEN start_ns < 0 THEN 'early' END,
            CASE WHEN coalesce(end_ns, start_ns) > traces.duration_ns THEN 'late' END
        ], lambda fault: fault IS NOT NULL)) AS fault
    FROM events
    JOIN old.traces AS traces ON traces.trace_id = events.trace_id
    UNION ALL
    SELECT trace_id, 'nvtx_ranges', text, start_ns, NULL, 'backwards'
    FROM old.nvtx_ranges WHERE end_ns < start_ns
),
sentences(fault, what, why) AS (
    VALUES
        ('backwards', 'end before they start', 'how long they took is not known'),
        ('overrun', 'still run when the next operation of their stream has ended', NULL),
        ('repeated', 'are recorded twice', 'an export that was appended to itself counts everything twice'),
        ('before_launch', 'start before the call that launched them', 'clocks of CPU and GPU may differ'),
        ('early', 'start before the recording', 'times count from its start'),
        ('late', 'start or end after the recording', 'shares of its length may be too large')
),
totals AS (
    SELECT trace_id, table_name, count(*) AS all_events, sum(end_ns - start_ns) AS total_ns
    FROM events
    GROUP BY trace_id, table_name
    UNION ALL
    SELECT trace_id, 'nvtx_ranges', count(*), NULL FROM old.nvtx_ranges GROUP BY trace_id
),
found AS (
    SELECT
        trace_id,
        table_name,
        fault,
        count(*) AS events,
        sum(overrun_ns) FILTER (fault = 'overrun') AS doubtful_ns,
        arg_max(name, (coalesce(overrun_ns, 0), -start_ns, name)) AS example,
        arg_max(start_ns, (coalesce(overrun_ns, 0), -start_ns)) AS example_ns
    FROM suspects
    GROUP BY trace_id, table_name, fault
)
SELECT
    trace_id,
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
JOIN totals USING (trace_id, table_name)
JOIN sentences USING (fault)
