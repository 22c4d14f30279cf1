-- For how long do how many CUDA streams work at the same time?
--
-- Between the first and the last operation of each GPU: the time with no stream at work, with one, with
-- two …, of whichever process. The rows of one GPU add up to that time. Operations of one stream count
-- once, even when they overlap.
-- @of     totals
-- @unites trace
-- @param  by VARCHAR = 'gpu'    gpu, whoever shares it, or process: the streams of each of them
-- @needs  kernels timeline
-- @column trace VARCHAR         name of the trace
-- @column pid BIGINT            process; NULL where several share the GPU
-- @column gpu_id INTEGER        the GPU, see gpus
-- @column device_id INTEGER     CUDA device ordinal within the process
-- @column streams BIGINT        streams at work
-- @column time_ns BIGINT        for how long in total
-- @column share_pct DOUBLE      of the time from the first to the last operation
-- @chart  bars x=streams y=time_ns

-- Work of no duration is no time at work, and must not stretch the time that is looked at. Which of two
-- operations of equal times comes first is all the same: together they are busy as long as one.
WITH operations AS (
    SELECT
        hash(trace_id, gpu_id, owner) AS lane,
        hash(process_id, context_id, stream_id) AS stream,
        start_ns,
        end_ns,
        trace_id,
        gpu_id,
        owner,
        process_id,
        pid,
        device_id
    FROM (SELECT *, lane_owner($by, process_id) AS owner FROM gpu_operations)
    JOIN chosen_traces($trace) AS traces USING (trace_id)
),
users AS (
    SELECT
        lane,
        any_value(trace_id) AS trace_id,
        any_value(gpu_id) AS gpu_id,
        any_value(owner) AS owner,
        of_one(pid, process_id) AS pid,
        of_one(device_id, device_id) AS device_id
    FROM operations
    GROUP BY lane
),
-- Until when the GPU was busy before, and when it goes on.
beside AS (
    SELECT
        lane,
        stream,
        start_ns,
        end_ns,
        busy_until(start_ns, end_ns, 0, lane) AS busy_until_ns,
        lead(start_ns) OVER (PARTITION BY lane ORDER BY start_ns, end_ns, 0) AS next_ns
    FROM operations
    WHERE end_ns > start_ns
),
-- Most operations have the GPU to themselves. Of the others each adds to the time that its stream is busy, as
-- two steps of a staircase.
shared AS (
    SELECT lane, start_ns, end_ns, busy_until(start_ns, end_ns, 0, hash(lane, stream)) AS stream_busy_until_ns
    FROM beside
    WHERE busy_until_ns > start_ns OR next_ns < end_ns
),
steps AS (
    SELECT lane, greatest(start_ns, coalesce(stream_busy_until_ns, start_ns)) AS at_ns, 1 AS step
    FROM shared
    WHERE end_ns > greatest(start_ns, coalesce(stream_busy_until_ns, start_ns))
    UNION ALL
    SELECT lane, end_ns, -1
    FROM shared
    WHERE end_ns > greatest(start_ns, coalesce(stream_busy_until_ns, start_ns))
),
-- Steps of one time count together: their window holds all of them, and the last lasts until the next time.
heights AS (
    SELECT
        lane,
        sum(step) OVER (PARTITION BY lane ORDER BY at_ns) AS streams,
        lead(at_ns) OVER (PARTITION BY lane ORDER BY at_ns) - at_ns AS time_ns
    FROM steps
),
alone AS (
    SELECT
        lane,
        sum(end_ns - start_ns) FILTER (
            coalesce(busy_until_ns <= start_ns, true) AND coalesce(next_ns >= end_ns, true)
        ) AS time_ns,
        max(end_ns) - min(start_ns) AS whole_ns
    FROM beside
    GROUP BY lane
),
at_work AS (
    SELECT lane, streams, sum(time_ns) AS time_ns FROM heights WHERE streams > 0 GROUP BY ALL
    UNION ALL
    SELECT lane, 1, time_ns FROM alone
),
-- The rest of the time there is none at work.
times AS (
    FROM at_work
    UNION ALL
    SELECT lane, 0, any_value(whole_ns) - sum(at_work.time_ns)
    FROM at_work
    JOIN alone USING (lane)
    GROUP BY lane
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
WHERE time_ns > 0
GROUP BY traces.trace, gpu_id, owner, streams
ORDER BY trace, gpu_id, owner, streams
