-- Which calls of MPI were made, in order, and what did each send or receive?
--
-- NVIDIA's counterpart: nsys stats mpi_event_trace. A call that awaits several requests has a row for each,
-- and MPI_Sendrecv two where its halves differ.
-- @of     timeline
-- @unites trace
-- @needs  library_calls
-- @column trace VARCHAR           name of the trace
-- @column start_ns BIGINT         start of the call
-- @column end_ns BIGINT           its end; NULL if it was not recorded
-- @column duration_ns BIGINT      time in the call
-- @column function VARCHAR        function
-- @column source VARCHAR          p2p, collectives, start-wait or other
-- @column pid BIGINT              process
-- @column tid BIGINT              thread
-- @column mpi_rank BIGINT         rank of the process; NULL if not told
-- @column communicator_handle BIGINT  of the communicator: means nothing in other processes; NULL without one
-- @column tag BIGINT              of the message; NULL without one
-- @column peer_rank BIGINT        rank of the other side; below 0 any or none, as MPI numbers them
-- @column root_rank BIGINT        rank of the collective's root; NULL without one
-- @column message_bytes BIGINT    of a message; NULL of collectives, and if not told
-- @column sent_bytes BIGINT       what a collective sends; NULL of messages, and if it sends nothing
-- @column received_bytes BIGINT   what a collective receives; NULL likewise
-- @column request BIGINT          handle of the request; NULL without one
-- @column library_call_id BIGINT  the call, see library_calls
-- @column message_place BIGINT    which of its messages or requests, from 1
-- @empty  No call of MPI: record with nsys profile --trace=mpi.

SELECT
    trace,
    start_ns,
    end_ns,
    library_calls.duration_ns,
    library_calls.name AS function,
    replace(call_class, '_', '-') AS source,
    library_calls.pid,
    library_calls.tid,
    mpi_rank,
    communicator_handle,
    tag,
    peer AS peer_rank,
    root_rank,
    CASE call_class WHEN 'p2p' THEN message_bytes END AS message_bytes,
    CASE call_class WHEN 'collectives' THEN message_bytes END AS sent_bytes,
    received_bytes,
    request,
    library_calls.library_call_id,
    coalesce(message_place, 1) AS message_place
FROM library_calls
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN library_messages
    ON library_messages.trace_id = library_calls.trace_id
    AND library_messages.library_call_id = library_calls.library_call_id
LEFT JOIN processes
    ON processes.trace_id = library_calls.trace_id AND processes.process_id = library_calls.process_id
WHERE library = 'MPI'
ORDER BY trace, start_ns, library_calls.library_call_id, message_place
