-- How large are the messages of MPI?
--
-- NVIDIA's counterpart: nsys stats mpi_msg_size_sum. What a collective sends and what it receives are rows of
-- their own; a collective that passes nothing (MPI_Barrier) has none.
-- @of     totals
-- @unites trace
-- @needs  library_calls
-- @column trace VARCHAR          name of the trace
-- @column source VARCHAR         p2p, coll_send or coll_recv
-- @column function VARCHAR       function
-- @column instances BIGINT       messages
-- @column total_bytes BIGINT     of all of them; NULL if none tells its size
-- @column avg_bytes DOUBLE       mean
-- @column median_bytes DOUBLE    median
-- @column min_bytes BIGINT       smallest
-- @column max_bytes BIGINT       largest
-- @column stddev_bytes DOUBLE    sample standard deviation; NULL for a single one
-- @chart  bars x=function y=total_bytes
-- @empty  No message of MPI: record with nsys profile --trace=mpi.

WITH sized AS (
    SELECT library_calls.trace_id, library_calls.name AS function, call_class, message_bytes, received_bytes
    FROM library_calls
    JOIN library_messages
        ON library_messages.trace_id = library_calls.trace_id
        AND library_messages.library_call_id = library_calls.library_call_id
    WHERE library = 'MPI'
),
messages AS (
    SELECT trace_id, 'p2p' AS source, function, message_bytes AS bytes FROM sized WHERE call_class = 'p2p'
    UNION ALL
    SELECT trace_id, 'coll_send', function, message_bytes
    FROM sized
    WHERE call_class = 'collectives' AND message_bytes IS NOT NULL
    UNION ALL
    SELECT trace_id, 'coll_recv', function, received_bytes
    FROM sized
    WHERE call_class = 'collectives' AND received_bytes IS NOT NULL
)
SELECT
    trace,
    source,
    function,
    count(*) AS instances,
    sum(bytes)::BIGINT AS total_bytes,
    avg(bytes) AS avg_bytes,
    median(bytes) AS median_bytes,
    min(bytes) AS min_bytes,
    max(bytes) AS max_bytes,
    whole_stddev(bytes) AS stddev_bytes
FROM messages
JOIN chosen_traces($trace) AS traces USING (trace_id)
GROUP BY trace, source, function
ORDER BY trace, instances DESC, source, function
