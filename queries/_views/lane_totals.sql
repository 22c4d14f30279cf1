-- One lane of a timeline: how many events stand in it, and from when to when (nsys).
-- @once   page
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column process_id BIGINT    process, see processes
-- @column pid BIGINT           process, as its own container numbers it
-- @column layer VARCHAR        gpu, projected, range, sync, api or os
-- @column place_id BIGINT      of gpu the GPU, of what stands on the CPU the thread; NULL for projected
-- @column sublane BIGINT       of gpu the stream, of ranges their depth, -1 for start/end; NULL for others
-- @column events BIGINT        how many
-- @column first_ns BIGINT      start of its first event
-- @column last_ns BIGINT       end of its last one

SELECT
    trace_id,
    trace,
    process_id,
    pid,
    layer,
    place_id,
    sublane,
    count(*) AS events,
    min(start_ns) AS first_ns,
    max(end_ns) AS last_ns
FROM lane_events
SEMI JOIN asked_traces USING (trace_id)
GROUP BY ALL
