-- What was alive when most memory was in use, and in which ranges was it allocated?
--
-- At the first moment with the most in use, or at the time given. What was allocated before the recording is
-- there as far as the profiler tells of it (as allocated at time 0); of what is only released in it, the size
-- alone. What was not seen to be released is alive until something else is allocated at its address, what was
-- not seen to be allocated since something else was released there.
-- @of     traces
-- @unites trace
-- @param  memory VARCHAR = 'GPU memory'  kind of memory, or a pattern of it
-- @param  at TIME = NULL          when, from the trace's start; by default, at the peak of each kind
-- @param  limit BIGINT = 30       rows per trace; NULL for all
-- @needs  memory_events
-- @column trace VARCHAR           name of the trace
-- @column pid BIGINT              process
-- @column gpu_id INTEGER          GPU, see gpus; NULL for static memory
-- @column memory_kind VARCHAR     kind of memory, see memory-use
-- @column at_ns BIGINT            the moment
-- @column range_path VARCHAR      range of the allocating call, with those around it; NULL outside any
-- @column allocated_by VARCHAR    function; NULL if not recorded, as of what modules bring along
-- @column allocations BIGINT      how many of them were alive
-- @column alive_bytes BIGINT      their size
-- @column share_pct DOUBLE        of all that was alive then
-- @column max_bytes BIGINT        the largest
-- @column oldest_ns BIGINT        when the first of them was allocated
-- @chart  bars x=range_path y=alive_bytes

WITH used AS (
    SELECT
        memory_in_use.*,
        memory_events.api_call_id,
        memory_events.range_id,
        dense_rank() OVER (
            ORDER BY memory_in_use.trace_id, memory_in_use.process_id, memory_in_use.gpu_id NULLS LAST,
                     memory_in_use.memory_kind
        ) AS series
    FROM memory_in_use
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN memory_events USING (memory_event_id)
    WHERE is_like(memory_in_use.memory_kind, $memory)
),
-- The last event that had happened by then; 0 before the first one, where all is in use that is released
-- without an allocation.
moments AS (
    SELECT
        series,
        coalesce(
            CASE
                WHEN $at IS NOT NULL THEN max(memory_event_id) FILTER (time_ns <= $at)
                WHEN max(in_use_bytes) > any_value(before_bytes)
                THEN arg_max(memory_event_id, (in_use_bytes, -memory_event_id))
            END,
            0
        ) AS last_id,
        coalesce(
            $at, if(last_id = 0, 0, arg_max(time_ns, (in_use_bytes, -memory_event_id)))
        ) AS at_ns
    FROM used
    GROUP BY series
),
alive AS (
    SELECT used.*, at_ns
    FROM used
    JOIN moments USING (series)
    WHERE (
        operation = 'Allocation' AND memory_event_id <= last_id AND coalesce(until_event_id > last_id, true)
    ) OR (NOT is_known AND memory_event_id > last_id AND coalesce(since_event_id <= last_id, true))
)
SELECT
    trace,
    alive.pid,
    alive.gpu_id,
    alive.memory_kind,
    at_ns,
    path AS range_path,
    api_calls.name AS allocated_by,
    count(*) AS allocations,
    sum(alive.bytes)::BIGINT AS alive_bytes,
    percent(alive_bytes, sum(alive_bytes) OVER (PARTITION BY series)) AS share_pct,
    max(alive.bytes) AS max_bytes,
    min(CASE WHEN is_known THEN alive.time_ns ELSE coalesce(since.time_ns, 0) END) AS oldest_ns
FROM alive
LEFT JOIN memory_events AS since ON since.memory_event_id = since_event_id
LEFT JOIN (SELECT range_id, path FROM nvtx_ranges) AS ranges
    ON ranges.range_id = alive.range_id AND alive.is_known
LEFT JOIN api_calls ON api_calls.api_call_id = alive.api_call_id AND alive.is_known
GROUP BY
    trace, series, alive.process_id, alive.pid, alive.gpu_id, alive.memory_kind, at_ns, path, api_calls.name
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY alive_bytes DESC, series, path, api_calls.name), $limit
)
ORDER BY trace, alive_bytes DESC, series, range_path, allocated_by
