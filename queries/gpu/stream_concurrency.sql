-- For how long do how many CUDA streams work at the same time?
--
-- Between the first and the last operation of each GPU: the time with no stream at work, with one, with
-- two …, of whichever process. The rows of one GPU add up to that time. Operations of one stream count
-- once, even when they overlap.
-- @of     totals
-- @unites trace
-- @param  by VARCHAR(gpu|process) = 'gpu'  gpu, whoever shares it, or process: the streams of each of them
-- @needs  kernels timeline
-- @column trace VARCHAR         name of the trace
-- @column pid BIGINT            process; NULL where several share the GPU
-- @column gpu_id INTEGER        the GPU, see gpus
-- @column device_id INTEGER     CUDA device ordinal within the process
-- @column streams BIGINT        streams at work
-- @column time_ns BIGINT        for how long in total
-- @column share_pct DOUBLE      of the time from the first to the last operation
-- @chart  bars x=streams y=time_ns

-- Lanes and streams have numbers: there are few of them, and many operations.
WITH numbered AS MATERIALIZED (
    SELECT
        *,
        dense_rank() OVER (ORDER BY trace_id, gpu_id, owner) AS lane,
        dense_rank() OVER (ORDER BY process_id, context_id, stream_id)::INTEGER AS stream
    FROM (
        SELECT
            trace_id,
            gpu_id,
            lane_owner($by, process_id) AS owner,
            process_id,
            pid,
            device_id,
            context_id,
            stream_id,
            min(start_ns) FILTER (end_ns > start_ns) AS first_ns,
            max(end_ns) FILTER (end_ns > start_ns) AS last_ns
        FROM gpu_operations
        JOIN chosen_traces($trace) AS traces USING (trace_id)
        GROUP BY ALL
    )
),
users AS (
    SELECT
        lane,
        any_value(trace_id) AS trace_id,
        any_value(gpu_id) AS gpu_id,
        any_value(owner) AS owner,
        of_one(pid, process_id) AS pid,
        of_one(device_id, device_id) AS device_id,
        max(last_ns) - min(first_ns) AS whole_ns,
        $by = 'gpu' AND min(stream) = max(stream) AS is_of_one_stream
    FROM numbered
    GROUP BY lane
),
-- A GPU of one stream is at work, or not: no operation need tell of which stream it is.
simple AS (
    SELECT trace_id, gpu_id, gpu_lane(trace_id, gpu_id) AS lane FROM users WHERE is_of_one_stream
),
idle AS (
    SELECT lane, sum(idle_ns) AS idle_ns FROM idle_times(simple, 0, 0, true) GROUP BY lane
),
at_work AS (
    SELECT users.lane, whole_ns, coalesce(idle_ns, 0) AS idle_ns
    FROM users
    LEFT JOIN idle ON idle.lane = gpu_lane(trace_id, gpu_id)
    WHERE is_of_one_stream
),
-- Where there is but one, operations need not tell of which they are.
streams AS (
    SELECT
        trace_id,
        gpu_id,
        process_id,
        context_id,
        stream_id,
        lane::INTEGER AS lane,
        CASE WHEN count(*) OVER (PARTITION BY lane) > 1 THEN stream END AS stream
    FROM (
        SELECT DISTINCT trace_id, gpu_id, process_id, context_id, stream_id, lane, stream
        FROM numbered
        WHERE lane NOT IN (SELECT lane FROM users WHERE is_of_one_stream)
    )
),
-- Work of no duration is no time at work, and must not stretch the time that is looked at. Which of two
-- operations of equal times comes first is all the same: together they are busy as long as one.
sorted AS (
    SELECT lane, stream, start_ns, end_ns
    FROM gpu_operations AS operations
    JOIN streams
        ON streams.trace_id = operations.trace_id
        AND streams.gpu_id IS NOT DISTINCT FROM operations.gpu_id
        AND streams.process_id IS NOT DISTINCT FROM operations.process_id
        AND streams.context_id IS NOT DISTINCT FROM operations.context_id
        AND streams.stream_id IS NOT DISTINCT FROM operations.stream_id
    WHERE end_ns > start_ns
    ORDER BY lane, start_ns, end_ns
),
-- Row after row: whether the GPU goes on with others before this one ends, and until when it was busy before.
followed AS (
    SELECT
        *,
        lead(lane) OVER () = lane AND lead(start_ns) OVER () < end_ns AS goes_on,
        stream <> lag(stream) OVER () AS is_other
    FROM sorted
),
beside AS (
    SELECT * REPLACE (coalesce(busy_until_ns, start_ns) AS busy_until_ns) FROM one_by_one(followed)
),
lanes AS (
    SELECT
        lane,
        sum(greatest(end_ns - greatest(start_ns, busy_until_ns), 0)) AS busy_ns,
        max(end_ns) - min(start_ns) AS whole_ns
    FROM beside
    GROUP BY lane
),
-- What overlaps, one after the other, is a stretch: its first operation goes on with others.
overlapping AS MATERIALIZED (
    SELECT
        lane,
        stream,
        start_ns,
        end_ns,
        busy_until_ns > start_ns AND is_other AS is_of_several,
        count(*) FILTER (busy_until_ns <= start_ns) OVER (
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS stretch
    FROM beside
    WHERE stream IS NOT NULL AND (busy_until_ns > start_ns OR goes_on)
),
-- Most stretches are of one stream. In the others each operation adds to the time that its stream is busy, as
-- two steps of a staircase.
mixed AS MATERIALIZED (
    FROM overlapping WHERE stretch IN (SELECT stretch FROM overlapping WHERE is_of_several)
),
added AS (
    SELECT lane, greatest(start_ns, coalesce(stream_busy_until_ns, start_ns)) AS start_ns, end_ns
    FROM (SELECT *, busy_until(start_ns, end_ns, 0, (lane, stream)) AS stream_busy_until_ns FROM mixed)
    WHERE end_ns > greatest(start_ns, coalesce(stream_busy_until_ns, start_ns))
),
steps AS (
    SELECT lane, start_ns AS at_ns, 1 AS step FROM added
    UNION ALL
    SELECT lane, end_ns, -1 FROM added
),
-- Steps of one time count together: their window holds all of them, and the last lasts until the next time.
heights AS (
    SELECT
        lane,
        sum(step) OVER (PARTITION BY lane ORDER BY at_ns) AS streams,
        lead(at_ns) OVER (PARTITION BY lane ORDER BY at_ns) - at_ns AS time_ns
    FROM steps
),
times AS (
    SELECT lane, streams, sum(time_ns) AS time_ns FROM heights WHERE streams > 0 GROUP BY ALL
    UNION ALL
    SELECT lane, 1, -sum(time_ns)
    FROM (SELECT lane, max(end_ns) - min(start_ns) AS time_ns FROM mixed GROUP BY lane, stretch)
    GROUP BY lane
    UNION ALL
    SELECT lane, 1, busy_ns FROM lanes
    UNION ALL
    SELECT lane, 0, whole_ns - busy_ns FROM lanes
    UNION ALL
    SELECT lane, 1, whole_ns - idle_ns FROM at_work
    UNION ALL
    SELECT lane, 0, idle_ns FROM at_work
)
SELECT
    traces.trace,
    of_one(pid, pid) AS pid,
    gpu_id,
    of_one(device_id, device_id) AS device_id,
    streams::BIGINT AS streams,
    sum(time_ns)::BIGINT AS time_ns,
    100.0 * sum(time_ns) / sum(sum(time_ns)) OVER (PARTITION BY traces.trace, gpu_id, owner) AS share_pct
FROM times
JOIN users USING (lane)
JOIN traces USING (trace_id)
GROUP BY traces.trace, gpu_id, owner, streams
HAVING sum(time_ns) > 0
ORDER BY trace, gpu_id, owner, streams
