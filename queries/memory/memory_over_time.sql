-- How much memory is in use over time?
--
-- The time is cut into equal parts, of which each has a row for every process, GPU and kind of memory that
-- memory-use tells of: the most that was in use in it.
-- @of     times
-- @unites trace
-- @param  memory VARCHAR = 'GPU memory'  kind of memory, or a pattern of it
-- @param  parts BIGINT = 400      equal parts of the time
-- @needs  memory_events
-- @column trace VARCHAR           name of the trace
-- @column pid BIGINT              process
-- @column gpu_id INTEGER          GPU, see gpus; NULL for static memory
-- @column memory_kind VARCHAR     kind of memory, see memory-use
-- @column time_ns BIGINT          where the part begins, from the trace's start
-- @column in_use_bytes BIGINT     most that was in use in it
-- @chart  lines x=time_ns y=in_use_bytes color=memory_kind apart=pid panel=gpu_id
-- @section timeline 46 Memory in use | chart

WITH used AS (
    SELECT
        memory_in_use.*,
        dense_rank() OVER (ORDER BY trace_id, process_id, gpu_id NULLS LAST, memory_kind) AS series
    FROM memory_in_use
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    WHERE is_like(memory_kind, $memory)
),
widths AS (
    SELECT
        trace_id,
        coalesce(any_value(looked_at.since_ns), min(time_ns)) AS first_ns,
        -- A report without a recorded length ends with its last event.
        coalesce(any_value(until_ns), max(time_ns) + 1) AS last_ns,
        greatest((last_ns - first_ns + $parts - 1) // $parts, 1) AS part_ns
    FROM used
    JOIN looked_at USING (trace_id)
    GROUP BY trace_id
),
parts AS (
    SELECT
        trace,
        pid,
        process_id,
        gpu_id,
        memory_kind,
        series,
        any_value(before_bytes) AS before_bytes,
        unnest(range($parts)) AS part,
        any_value(first_ns) + part * any_value(part_ns) AS since_ns
    FROM used
    JOIN widths USING (trace_id)
    GROUP BY trace, pid, process_id, gpu_id, memory_kind, series
),
within_parts AS (
    SELECT series, (time_ns - first_ns) // part_ns AS part, max(in_use_bytes) AS most_bytes
    FROM used
    JOIN widths USING (trace_id)
    WHERE time_ns >= first_ns
    GROUP BY series, part
)
SELECT
    trace,
    pid,
    gpu_id,
    memory_kind,
    parts.since_ns AS time_ns,
    -- When a part begins, it is what the last event before it left.
    greatest(coalesce(latest.in_use_bytes, before_bytes), coalesce(most_bytes, 0))::BIGINT AS in_use_bytes
FROM parts
ASOF LEFT JOIN (
    SELECT series, time_ns, arg_max(in_use_bytes, memory_event_id) AS in_use_bytes
    FROM used
    GROUP BY series, time_ns
) AS latest ON latest.series = parts.series AND parts.since_ns > latest.time_ns
LEFT JOIN within_parts ON within_parts.series = parts.series AND within_parts.part = parts.part
ORDER BY trace, pid, process_id, gpu_id, memory_kind, parts.since_ns
