-- For how long do how many CUDA streams work at the same time?
--
-- Between the first and the last operation of each process and device: the time with no stream at work, with
-- one, with two … The rows of one device add up to that time. Operations of one stream count once, even when
-- they overlap.
-- @of     timeline
-- @needs  kernels
-- @column trace VARCHAR         name of the trace
-- @column pid BIGINT            process
-- @column device_id INTEGER     CUDA device ordinal within the process
-- @column streams BIGINT        streams at work
-- @column time_ns BIGINT        for how long in total
-- @column share_pct DOUBLE      of the time from the first to the last operation
-- @chart  bars x=streams y=time_ns

WITH operations AS (
    SELECT
        trace_id,
        pid,
        device_id,
        stream_id,
        start_ns,
        end_ns,
        busy_until(start_ns, end_ns, operation_id, (trace_id, pid, device_id, context_id, stream_id))
            AS stream_busy_until_ns
    FROM gpu_operations
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    -- Work of no duration is no time at work, and must not stretch the time that is looked at.
    WHERE end_ns > start_ns
),
-- What an operation adds to the time its stream is busy, as two steps of a staircase.
steps AS (
    SELECT trace_id, pid, device_id, greatest(start_ns, coalesce(stream_busy_until_ns, start_ns)) AS at_ns,
           1 AS step
    FROM operations
    WHERE end_ns > coalesce(stream_busy_until_ns, start_ns)
    UNION ALL
    SELECT trace_id, pid, device_id, end_ns, -1
    FROM operations
    WHERE end_ns > coalesce(stream_busy_until_ns, start_ns)
),
heights AS (
    SELECT
        trace_id,
        pid,
        device_id,
        at_ns,
        sum(sum(step)) OVER (PARTITION BY trace_id, pid, device_id ORDER BY at_ns) AS streams,
        lead(at_ns) OVER (PARTITION BY trace_id, pid, device_id ORDER BY at_ns) - at_ns AS time_ns
    FROM steps
    GROUP BY trace_id, pid, device_id, at_ns
)
SELECT
    traces.trace,
    pid,
    device_id,
    streams::BIGINT AS streams,
    sum(time_ns)::BIGINT AS time_ns,
    100.0 * sum(time_ns) / sum(sum(time_ns)) OVER (PARTITION BY traces.trace, pid, device_id) AS share_pct
FROM heights
JOIN traces USING (trace_id)
WHERE time_ns > 0
GROUP BY traces.trace, pid, device_id, streams
ORDER BY trace, pid, device_id, streams
