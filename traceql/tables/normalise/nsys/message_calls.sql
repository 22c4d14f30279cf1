-- Calls of MPI and UCX, and the messages and requests of each.
--
-- A call that has several has as many rows in a report: MPI_Sendrecv one for what it sends and one for what
-- it receives, MPI_Waitall one for each request. They are one call: its times, thread and name are the same.
-- Handles are pointers or numbers of the MPI in use. Ranks below 0 are MPI's own (MPI_ANY_SOURCE,
-- MPI_PROC_NULL), and stay.
-- @raw   MPI_P2P_EVENTS
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads globalTid     BIGINT
-- @reads textId        BIGINT
-- @reads commHandle    BIGINT
-- @reads tag           BIGINT
-- @reads remoteRank    BIGINT
-- @reads size          BIGINT
-- @reads requestHandle BIGINT
-- @raw   MPI_COLLECTIVES_EVENTS
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads globalTid     BIGINT
-- @reads textId        BIGINT
-- @reads commHandle    BIGINT
-- @reads rootRank      BIGINT
-- @reads size          BIGINT
-- @reads recvSize      BIGINT
-- @reads requestHandle BIGINT
-- @raw   MPI_START_WAIT_EVENTS
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads globalTid     BIGINT
-- @reads textId        BIGINT
-- @reads requestHandle BIGINT
-- @raw   MPI_OTHER_EVENTS
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads textId    BIGINT
-- @raw   UCP_SUBMIT_EVENTS
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads globalTid     BIGINT
-- @reads textId        BIGINT
-- @reads bufferAddr    BIGINT
-- @reads packedSize    BIGINT
-- @reads peerWorkerUid BIGINT
-- @reads tag           BIGINT
-- @raw   UCP_PROGRESS_EVENTS
-- @reads start         BIGINT
-- @reads end           BIGINT
-- @reads globalTid     BIGINT
-- @reads textId        BIGINT
-- @reads bufferAddr    BIGINT
-- @reads packedSize    BIGINT
-- @reads peerWorkerUid BIGINT
-- @reads tag           BIGINT
-- @raw   UCP_EVENTS
-- @reads start     BIGINT
-- @reads end       BIGINT
-- @reads globalTid BIGINT
-- @reads textId    BIGINT
-- @of    MPI_P2P_EVENTS MPI_COLLECTIVES_EVENTS MPI_START_WAIT_EVENTS MPI_OTHER_EVENTS
--        UCP_SUBMIT_EVENTS UCP_PROGRESS_EVENTS UCP_EVENTS
-- @fills library_calls = message_calls
-- @fills library_messages = message_events WHERE call_class <> 'other'

CREATE TEMP TABLE message_events AS
WITH told AS (
    SELECT 'MPI' AS library, 'p2p' AS call_class, start, "end", globalTid, textId, commHandle AS communicator,
           tag, remoteRank AS peer, NULL::BIGINT AS root_rank, size AS bytes, NULL::BIGINT AS received_bytes,
           requestHandle AS request, NULL::BIGINT AS buffer_address
    FROM raw_MPI_P2P_EVENTS
    UNION ALL
    SELECT 'MPI', 'collectives', start, "end", globalTid, textId, commHandle, NULL, NULL, rootRank, size,
           recvSize, requestHandle, NULL
    FROM raw_MPI_COLLECTIVES_EVENTS
    UNION ALL
    SELECT 'MPI', 'start_wait', start, "end", globalTid, textId, NULL, NULL, NULL, NULL, NULL, NULL,
           requestHandle, NULL
    FROM raw_MPI_START_WAIT_EVENTS
    UNION ALL
    SELECT 'MPI', 'other', start, "end", globalTid, textId, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM raw_MPI_OTHER_EVENTS
    UNION ALL
    SELECT 'UCX', 'submit', start, "end", globalTid, textId, NULL, tag, peerWorkerUid, NULL, packedSize,
           NULL, NULL, bufferAddr
    FROM raw_UCP_SUBMIT_EVENTS
    UNION ALL
    SELECT 'UCX', 'progress', start, "end", globalTid, textId, NULL, tag, peerWorkerUid, NULL, packedSize,
           NULL, NULL, bufferAddr
    FROM raw_UCP_PROGRESS_EVENTS
    UNION ALL
    SELECT 'UCX', 'other', start, "end", globalTid, textId, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM raw_UCP_EVENTS
)
SELECT
    (getvariable('trace_id') << 32)
        + dense_rank() OVER (ORDER BY start, globalTid, library, call_class, name, "end") AS library_call_id,
    row_number() OVER (
        PARTITION BY start, globalTid, library, call_class, name, "end"
        ORDER BY request, tag, peer, bytes, buffer_address
    ) AS message_place,
    *
FROM (SELECT told.*, strings.value AS name FROM told LEFT JOIN strings ON strings.id = textId);

CREATE TEMP TABLE message_calls AS
SELECT DISTINCT ON (library_call_id) *, start - getvariable('origin_ns') AS start_ns FROM message_events;

INSERT INTO library_calls BY NAME
SELECT
    library_call_id,
    getvariable('trace_id') AS trace_id,
    library,
    call_class,
    name,
    calls.start_ns,
    CASE WHEN "end" >= start THEN "end" - getvariable('origin_ns') END AS end_ns,
    CASE WHEN "end" >= start THEN "end" - start END AS duration_ns,
    globalTid & -16777216 AS process_id,
    globalTid >> 24 & 16777215 AS pid,
    globalTid & 16777215 AS tid,
    range_timeline.range_id
FROM message_calls AS calls
ASOF LEFT JOIN range_timeline
    ON range_timeline.thread = globalTid AND range_timeline.at_ns <= calls.start_ns
ORDER BY library_call_id;

INSERT INTO library_messages BY NAME
SELECT
    library_call_id,
    getvariable('trace_id') AS trace_id,
    message_place,
    communicator AS communicator_handle,
    tag,
    peer,
    root_rank,
    bytes AS message_bytes,
    received_bytes,
    request,
    buffer_address
FROM message_events
WHERE call_class <> 'other'
ORDER BY library_call_id, message_place
