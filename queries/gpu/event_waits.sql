-- Which streams waited for events of which, how long, and what went on when they were released?
--
-- A stream that waits for an event (cudaStreamWaitEvent) goes on when the stream that recorded it has come as
-- far; the host (cudaEventSynchronize, cudaEventQuery) likewise. When that was is recorded by nsys 2026;
-- before, it is when the last operation ended that its stream was given before the record. The waiting stream
-- was ready when the wait was called for and what it had been given before was done: from then on it was held
-- up. Of waits for an event whose record is not in the report nothing more is known. Waits inside of CUDA
-- graphs are not recorded.
-- @of     times
-- @unites trace
-- @param  limit BIGINT = 100       waits per trace, those that were held up longest first; NULL for all
-- @needs  syncs
-- @column trace VARCHAR            name of the trace
-- @column pid BIGINT               process
-- @column gpu_id INTEGER           GPU of what waits, see gpus
-- @column waiting VARCHAR          stream, or host
-- @column waiting_stream BIGINT    the stream that waits; NULL for the host
-- @column recording_stream BIGINT  the stream that recorded it; NULL if its record is not in the report
-- @column event_id BIGINT          the CUDA event
-- @column function VARCHAR         the call that waits; NULL if not recorded
-- @column range VARCHAR            innermost range around that call; NULL outside any
-- @column record_ns BIGINT         when the event was recorded: start of the call; NULL if not known
-- @column wait_ns BIGINT           when it was waited for: start of the call, or of the wait
-- @column completed_ns BIGINT      when the recording stream had come as far; NULL if not known
-- @column ready_ns BIGINT          when nothing else held up what waits
-- @column held_ns BIGINT           from then until completed; of the host, the time in the wait
-- @column released_to VARCHAR      the operation that the waiting stream ran next; NULL for the host
-- @column next_start_ns BIGINT     when that began; NULL likewise
-- @column release_delay_ns BIGINT  from when nothing held it up until then, launched or not
-- @column sync_id BIGINT           the wait, see syncs
-- @chart  bars x=function y=held_ns
-- @empty  No stream and no thread waited for an event.

WITH waits AS MATERIALIZED (
    SELECT
        traces.trace,
        syncs.trace_id,
        sync_id,
        syncs.process_id,
        syncs.pid,
        syncs.gpu_id,
        syncs.context_id,
        syncs.stream_id,
        syncs.event_id,
        syncs.event_record_id,
        syncs.api_call_id,
        syncs.correlation_id,
        coalesce(api_calls.start_ns, syncs.start_ns) AS wait_ns,
        syncs.start_ns,
        syncs.duration_ns
    FROM syncs
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    LEFT JOIN api_calls USING (api_call_id)
    WHERE syncs.event_id IS NOT NULL
),
recorded AS (
    FROM event_records SEMI JOIN waits USING (trace_id, event_record_id)
),
-- By number, as is all that has to be sorted.
streams AS MATERIALIZED (
    SELECT *, (row_number() OVER ())::INTEGER AS stream
    FROM (
        SELECT trace_id, process_id, context_id, stream_id FROM waits
        UNION
        SELECT trace_id, process_id, context_id, stream_id FROM recorded
    )
),
-- What a stream was given, in the order of the calls that gave it: their ids rise, and are known of calls
-- that were not recorded, or lie before a window.
given AS (
    SELECT
        stream,
        correlation_id,
        start_ns,
        operation,
        max(end_ns) OVER (so_far ROWS UNBOUNDED PRECEDING) AS done_ns,
        lag(correlation_id) OVER so_far IS DISTINCT FROM correlation_id AS is_first,
        lead(correlation_id) OVER so_far IS DISTINCT FROM correlation_id AS is_last
    FROM (
        SELECT
            stream,
            correlation_id,
            start_ns,
            end_ns,
            operation_number(kind, operation_id) AS operation
        FROM gpu_operations
        JOIN streams USING (trace_id, process_id, context_id, stream_id)
    )
    WINDOW so_far AS (PARTITION BY stream ORDER BY correlation_id, start_ns, operation)
),
records AS (
    SELECT
        records.trace_id,
        event_record_id,
        records.stream_id AS recording_stream,
        time_ns AS record_ns,
        -- A stream that was given nothing has come as far when it is asked to record.
        coalesce(completed_ns, if(time_ns IS NULL, NULL, greatest(done_ns, time_ns))) AS completed_ns
    FROM (
        FROM recorded LEFT JOIN streams USING (trace_id, process_id, context_id, stream_id)
    ) AS records
    ASOF LEFT JOIN (SELECT stream, correlation_id, done_ns FROM given WHERE is_last) AS given
        ON given.stream = records.stream AND given.correlation_id < records.correlation_id
),
waiting AS (
    SELECT sync_id, correlation_id, stream
    FROM waits
    JOIN streams USING (trace_id, process_id, context_id, stream_id)
),
before AS (
    SELECT sync_id, done_ns
    FROM waiting
    ASOF JOIN (SELECT stream, correlation_id, done_ns FROM given WHERE is_last) AS given
        ON given.stream = waiting.stream AND given.correlation_id < waiting.correlation_id
),
after AS (
    SELECT sync_id, operation, start_ns
    FROM waiting
    ASOF JOIN (SELECT stream, correlation_id, start_ns, operation FROM given WHERE is_first) AS given
        ON given.stream = waiting.stream AND given.correlation_id > waiting.correlation_id
),
listed AS (
    SELECT
        trace,
        waits.trace_id,
        pid,
        gpu_id,
        CASE WHEN stream_id IS NULL THEN 'host' ELSE 'stream' END AS waiting,
        stream_id AS waiting_stream,
        recording_stream,
        event_id,
        api_call_id,
        record_ns,
        wait_ns,
        completed_ns,
        CASE WHEN stream_id IS NULL THEN waits.start_ns ELSE greatest(wait_ns, coalesce(done_ns, wait_ns)) END
            AS ready_ns,
        CASE
            WHEN stream_id IS NULL THEN duration_ns
            WHEN completed_ns IS NOT NULL THEN greatest(completed_ns - ready_ns, 0)
        END AS held_ns,
        operation,
        after.start_ns AS next_start_ns,
        CASE WHEN completed_ns IS NOT NULL THEN after.start_ns - greatest(ready_ns, completed_ns) END
            AS release_delay_ns,
        waits.sync_id
    FROM waits
    LEFT JOIN records USING (trace_id, event_record_id)
    LEFT JOIN before USING (sync_id)
    LEFT JOIN after USING (sync_id)
    QUALIFY within_limit(
        row_number() OVER (PARTITION BY trace ORDER BY held_ns DESC NULLS LAST, waits.sync_id), $limit
    )
),
-- Texts of those that are listed, which are few.
released AS (
    SELECT operation_number(kind, operation_id) AS operation, operation AS released_to
    FROM gpu_operations
    WHERE operation_number(kind, operation_id) IN (SELECT operation FROM listed)
)
SELECT
    trace,
    pid,
    gpu_id,
    waiting,
    waiting_stream,
    recording_stream,
    event_id,
    function,
    range,
    record_ns,
    wait_ns,
    completed_ns,
    ready_ns,
    held_ns,
    released_to,
    next_start_ns,
    release_delay_ns,
    sync_id
FROM listed
LEFT JOIN released USING (operation)
LEFT JOIN (SELECT api_call_id, name AS function, range_id FROM api_calls) AS calls USING (api_call_id)
LEFT JOIN (SELECT range_id, text AS range FROM nvtx_ranges) AS ranges USING (range_id)
ORDER BY trace, held_ns DESC NULLS LAST, sync_id
