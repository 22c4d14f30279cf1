-- How often is each CUDA graph replayed, at what cost and with what gaps?
--
-- Traced as a whole (--cuda-graph-trace=graph), a replay is one row of graph_launches, and its kernels are
-- not recorded: their number is NULL, not 0. Traced by node, a replay is the kernels and copies of one API
-- call, whose time counts once, and is longer than it would be without that; the graph is known by its lowest
-- node number.
-- @of     timeline
-- @unites trace
-- @needs  api_calls
-- @column trace VARCHAR         name of the trace
-- @column mode VARCHAR          graph (traced as a whole) or node
-- @column pid BIGINT            process
-- @column graph BIGINT          graph_exec_id, or the lowest graph_node_id
-- @column instances BIGINT      how often it was launched
-- @column kernels_per_instance DOUBLE  mean number of kernels; NULL where they are not recorded
-- @column gpu_operations_per_instance DOUBLE  mean number of recorded ones: nodes, or 1 for the whole
-- @column avg_api_ns DOUBLE     mean time in the launching call; NULL if it was not recorded
-- @column avg_span_ns DOUBLE    mean time from its first start to its last end on the GPU
-- @column total_span_ns BIGINT  all of that
-- @column avg_gap_ns DOUBLE     mean time from the end of a replay to the start of the next one of this graph
-- @column median_gap_ns DOUBLE  median
-- @column min_gap_ns BIGINT     shortest; negative if replays overlap
-- @column max_gap_ns BIGINT     longest
-- @chart  bars x=graph y=total_span_ns
-- @empty  No CUDA graph was launched in these traces.

WITH nodes AS (
    SELECT trace_id, process_id, pid, correlation_id, api_call_id, graph_node_id, start_ns, end_ns,
           true AS is_kernel
    FROM kernels WHERE graph_node_id IS NOT NULL AND start_ns IS NOT NULL
    UNION ALL
    SELECT trace_id, process_id, pid, correlation_id, api_call_id, graph_node_id, start_ns, end_ns, false
    FROM memory_ops WHERE graph_node_id IS NOT NULL
),
replays AS (
    SELECT trace_id, 'node' AS mode, process_id, any_value(pid) AS pid, min(graph_node_id) AS graph,
           any_value(api_call_id) AS api_call_id, min(start_ns) AS start_ns, max(end_ns) AS end_ns,
           count(*) FILTER (is_kernel) AS kernels, count(*) AS operations
    FROM nodes
    GROUP BY trace_id, process_id, correlation_id
    UNION ALL
    SELECT trace_id, 'graph', process_id, pid, coalesce(graph_exec_id, graph_id), api_call_id, start_ns,
           end_ns, NULL, 1
    FROM graph_launches
),
paced AS (
    SELECT
        *,
        start_ns - lag(end_ns) OVER (PARTITION BY trace_id, mode, process_id, graph ORDER BY start_ns, end_ns)
            AS gap_ns
    FROM replays
)
SELECT
    trace,
    mode,
    paced.pid,
    graph,
    count(*) AS instances,
    avg(kernels) AS kernels_per_instance,
    avg(operations) AS gpu_operations_per_instance,
    avg(api_calls.duration_ns) AS avg_api_ns,
    avg(paced.end_ns - paced.start_ns) AS avg_span_ns,
    sum(paced.end_ns - paced.start_ns)::BIGINT AS total_span_ns,
    avg(gap_ns) AS avg_gap_ns,
    median(gap_ns) AS median_gap_ns,
    min(gap_ns) AS min_gap_ns,
    max(gap_ns) AS max_gap_ns
FROM paced
JOIN chosen_traces($trace) AS traces ON traces.trace_id = paced.trace_id
LEFT JOIN api_calls ON api_calls.api_call_id = paced.api_call_id
GROUP BY traces.trace, mode, paced.process_id, paced.pid, graph
ORDER BY trace, mode, paced.pid, paced.process_id, total_span_ns DESC, graph
