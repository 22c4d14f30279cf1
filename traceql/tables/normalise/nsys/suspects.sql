-- Events with times that cannot be right; there are hardly any.
--
-- A stream does one thing after the other. Short overlaps are normal (programmatic dependent launches,
-- rounded clocks, nodes of one graph), but what still runs when the operation after it has ended had no such
-- end. Ranges of NVTX and samples may be older than the recording: they are not asked for that.
-- @raw   ANALYSIS_DETAILS
-- @reads duration BIGINT

-- When the recording ends; NULL where that is not known, and then no event is too late.
SET VARIABLE recorded_ns = (SELECT max(duration) FROM raw_ANALYSIS_DETAILS);

CREATE TEMP TABLE suspects AS
-- What is sorted is numbers only: the few that are wrong get their names afterwards. Tables by their names.
WITH gpu_work AS NOT MATERIALIZED (
    SELECT 1 AS of_table, kernel_id AS id, process_id, context_id, stream_id, start_ns, end_ns, graph_node_id,
           correlation_id, api_call_id
    FROM kernels WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 2, memory_op_id, process_id, context_id, stream_id, start_ns, end_ns, graph_node_id,
           correlation_id, api_call_id
    FROM memory_ops WHERE trace_id = getvariable('trace_id')
    UNION ALL
    SELECT 0, graph_launch_id, process_id, context_id, stream_id, start_ns, end_ns, NULL, correlation_id,
           api_call_id
    FROM graph_launches WHERE trace_id = getvariable('trace_id')
),
-- Streams in which something runs too long or is told twice: their times alone say so. There are hardly any,
-- and only their work is sorted by all that tells one thing from the next. None is where no operations meet.
odd_streams AS (
    SELECT DISTINCT process_id, context_id, stream_id
    FROM (
        -- The windows run along as the rows come.
        SELECT
            process_id,
            context_id,
            stream_id,
            lag(process_id) OVER () IS NOT DISTINCT FROM process_id
            AND lag(context_id) OVER () IS NOT DISTINCT FROM context_id
            AND lag(stream_id) OVER () IS NOT DISTINCT FROM stream_id
            AND (lag(end_ns) OVER () > end_ns AND coalesce(graph_node_id, lag(graph_node_id) OVER ()) IS NULL
                 OR lag(start_ns) OVER () = start_ns AND lag(end_ns) OVER () = end_ns) AS is_odd
        FROM (FROM gpu_work WHERE getvariable('operations_meet')
              ORDER BY process_id, context_id, stream_id, start_ns, end_ns)
    )
    WHERE is_odd
),
in_streams AS (
    SELECT
        of_table,
        id,
        CASE WHEN lead(end_ns) OVER by_stream < end_ns AND gpu_work.stream_id IS NOT NULL
                  AND graph_node_id IS NULL AND lead(graph_node_id) OVER by_stream IS NULL
             THEN end_ns - lead(start_ns) OVER by_stream END AS overrun_ns,
        lag(start_ns) OVER by_stream = start_ns AND lag(end_ns) OVER by_stream = end_ns
        AND lag(of_table) OVER by_stream = of_table
        AND lag(correlation_id) OVER by_stream = correlation_id
        AND lag(graph_node_id) OVER by_stream IS NOT DISTINCT FROM graph_node_id AS is_repeated
    FROM gpu_work
    JOIN odd_streams
        ON odd_streams.process_id IS NOT DISTINCT FROM gpu_work.process_id
        AND odd_streams.context_id IS NOT DISTINCT FROM gpu_work.context_id
        AND odd_streams.stream_id IS NOT DISTINCT FROM gpu_work.stream_id
    WINDOW by_stream AS (
        PARTITION BY gpu_work.process_id, gpu_work.context_id, gpu_work.stream_id
        ORDER BY start_ns, end_ns, correlation_id, graph_node_id, of_table, id
    )
),
suspect_work AS (
    SELECT of_table, id, work.start_ns, work.end_ns, overrun_ns, is_repeated,
           work.start_ns < api_calls.start_ns AS is_before_launch
    FROM gpu_work AS work
    LEFT JOIN (FROM in_streams WHERE overrun_ns IS NOT NULL OR is_repeated) USING (of_table, id)
    LEFT JOIN api_calls USING (api_call_id)
    WHERE work.end_ns IS NULL OR overrun_ns IS NOT NULL OR is_repeated OR is_before_launch
       OR work.start_ns < 0 OR work.end_ns > getvariable('recorded_ns')
),
events AS (
    SELECT 'kernels' AS table_name, kernels.name, work.*
    FROM suspect_work AS work
    JOIN kernels ON kernel_id = id
    WHERE of_table = 1
    UNION ALL
    SELECT 'memory_ops', concat_ws(' ', kind, copy_kind), work.*
    FROM suspect_work AS work
    JOIN memory_ops ON memory_op_id = id
    WHERE of_table = 2
    UNION ALL
    SELECT 'graph_launches', 'graph ' || graph_id, work.*
    FROM suspect_work AS work
    JOIN graph_launches ON graph_launch_id = id
    WHERE of_table = 0
    UNION ALL
    SELECT table_name, name, NULL, NULL, start_ns, end_ns, NULL, NULL, NULL
    FROM (
        SELECT 'syncs' AS table_name, sync_type AS name, start_ns, end_ns
        FROM syncs WHERE trace_id = getvariable('trace_id')
        UNION ALL
        SELECT 'api_calls', name, start_ns, end_ns FROM api_calls WHERE trace_id = getvariable('trace_id')
        UNION ALL
        SELECT 'os_calls', name, start_ns, end_ns FROM os_calls WHERE trace_id = getvariable('trace_id')
    )
    WHERE end_ns IS NULL OR start_ns < 0 OR end_ns > getvariable('recorded_ns')
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
        CASE WHEN coalesce(end_ns, start_ns) > getvariable('recorded_ns') THEN 'late' END
    ], lambda fault: fault IS NOT NULL) AS faults
FROM events
UNION ALL
SELECT 'nvtx_ranges', text, start_ns, NULL, ['backwards']
FROM nvtx_ranges
WHERE trace_id = getvariable('trace_id') AND end_ns < start_ns
