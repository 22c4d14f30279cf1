-- Work that goes on after the end of what its stream did next, or that is told twice.
--
-- A stream does one thing after the other. Short overlaps are normal (programmatic dependent launches,
-- rounded clocks, nodes of one graph), but what still runs when the operation after it has ended had no such
-- end. Where no operations meet on any stream there is none.
-- @when  meeting_operations

-- Streams in which something runs too long or is told twice: their times alone say so. There are hardly any,
-- and only their work is sorted by all that tells one thing from the next.
CREATE TEMP TABLE odd_work AS
WITH odd_streams AS (
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
        FROM (FROM gpu_work ORDER BY process_id, context_id, stream_id, start_ns, end_ns)
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
)
FROM in_streams WHERE overrun_ns IS NOT NULL OR is_repeated
