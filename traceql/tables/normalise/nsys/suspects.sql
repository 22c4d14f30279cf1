-- Events with times that cannot be right; there are hardly any.
--
-- A stream does one thing after the other. Short overlaps are normal (programmatic dependent launches,
-- rounded clocks, nodes of one graph), but what still runs when the operation after it has ended had no such
-- end. Ranges of NVTX and samples may be older than the recording: they are not asked for that.
-- @raw   ANALYSIS_DETAILS
-- @reads duration BIGINT

CREATE TEMP TABLE suspects AS
WITH recording AS (
    SELECT coalesce(max(duration), 9223372036854775807) AS duration_ns FROM raw_ANALYSIS_DETAILS
),
gpu_work AS (
    SELECT 'kernels' AS table_name, kernel_id AS id, name, process_id, context_id, stream_id, start_ns,
           end_ns, graph_node_id, correlation_id, api_call_id
    FROM kernels WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'memory_ops', memory_op_id, concat_ws(' ', kind, copy_kind), process_id, context_id, stream_id,
           start_ns, end_ns, graph_node_id, correlation_id, api_call_id
    FROM memory_ops WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'graph_launches', graph_launch_id, 'graph ' || graph_id, process_id, context_id, stream_id,
           start_ns, end_ns, NULL, correlation_id, api_call_id
    FROM graph_launches WHERE trace_id = getvariable('trace_id')
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
    FROM gpu_work
    WINDOW by_stream AS (
        PARTITION BY process_id, context_id, stream_id
        ORDER BY start_ns, end_ns, correlation_id, graph_node_id, table_name, id
    )
),
events AS (
    SELECT table_name, in_streams.name, in_streams.start_ns, in_streams.end_ns, overrun_ns, is_repeated,
           in_streams.start_ns < api_calls.start_ns AS is_before_launch
    FROM in_streams
    LEFT JOIN api_calls USING (api_call_id)
    UNION ALL
    SELECT 'syncs', sync_type, start_ns, end_ns, NULL, NULL, NULL
    FROM syncs WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'api_calls', name, start_ns, end_ns, NULL, NULL, NULL
    FROM api_calls WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 'os_calls', name, start_ns, end_ns, NULL, NULL, NULL
    FROM os_calls WHERE trace_id = getvariable('trace_id')
)
SELECT
    table_name,
    name,
    start_ns,
    overrun_ns,
    list_filter([
        CASE WHEN end_ns IS NULL THEN 'backwards' END,
        CASE WHEN overrun_ns IS NOT NULL THEN 'overrun' END,
        CASE WHEN is_repeated THEN 'repeated' END,
        CASE WHEN is_before_launch THEN 'before_launch' END,
        CASE WHEN start_ns < 0 THEN 'early' END,
        CASE WHEN coalesce(end_ns, start_ns) > duration_ns THEN 'late' END
    ], lambda fault: fault IS NOT NULL) AS faults
FROM events, recording
WHERE end_ns IS NULL OR overrun_ns IS NOT NULL OR is_repeated OR is_before_launch OR start_ns < 0
   OR end_ns > duration_ns
UNION ALL
SELECT 'nvtx_ranges', text, start_ns, NULL, ['backwards']
FROM nvtx_ranges
WHERE trace_id = getvariable('trace_id') AND end_ns < start_ns
