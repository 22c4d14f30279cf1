-- What ran when, on every thread and every stream?
--
-- One lane for each CUDA stream and for each depth of the NVTX ranges of a thread. A trace with more events
-- than max_blocks is thinned without hiding a gap that could be seen: of all the gaps between neighbours of a
-- lane, the longest are kept, and events with a shorter one between them become one block. hidden_gap_ns says
-- how long the longest gap inside a block is; a shorter stretch of time (--from, --to) shows more.
-- @of     timeline
-- @unites trace
-- @param  names VARCHAR = 'distinct'  short, full or distinct names, see the view kernel_names
-- @param  max_blocks BIGINT = 1500  blocks per trace
-- @needs  kernels|nvtx_ranges|memory_ops|graph_launches timeline
-- @column trace VARCHAR          name of the trace
-- @column lane_number BIGINT     from the top, from 0
-- @column lane VARCHAR           thread and depth of its ranges, or GPU and stream
-- @column kind VARCHAR           range, kernel, memcpy, memset or graph; of several events, the most frequent
-- @column name VARCHAR           NVTX message or name of the work; of several events, the most frequent
-- @column start_ns BIGINT        start of the block
-- @column end_ns BIGINT          its end
-- @column duration_ns BIGINT     end minus start
-- @column events BIGINT          how many it stands for
-- @column busy_ns BIGINT         time in it with at least one of them
-- @column busy_pct DOUBLE        of its duration
-- @column hidden_gap_ns BIGINT   longest gap inside it; 0 if there is none
-- @chart  timeline x=start_ns x2=end_ns y=lane order=lane_number color=kind busy=busy_pct
-- @empty  Nothing was recorded in that stretch of time.

WITH chosen AS (
    SELECT trace_id, trace, trace_duration_ns AS duration_ns FROM chosen_traces($trace)
),
-- Ranges first, as the CPU works ahead of the GPU.
events AS (
    SELECT
        trace_id,
        0 AS place,
        process_id,
        pid,
        tid AS place_id,
        CASE WHEN style = 'startend' THEN -1 ELSE depth END AS level,
        'range' AS kind,
        text AS name,
        start_ns,
        -- A range that was never closed lasts until the end of the recording.
        greatest(start_ns, coalesce(end_ns, chosen.duration_ns)) AS end_ns,
        range_id AS event_id
    FROM nvtx_ranges
    JOIN chosen USING (trace_id)
    WHERE style <> 'mark'
    UNION ALL
    SELECT trace_id, 1, process_id, pid, device_id, stream_id, kind, coalesce(called, operation), start_ns,
           coalesce(end_ns, start_ns), operation_id
    FROM gpu_operations
    JOIN chosen USING (trace_id)
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = gpu_operations.operation AND named.full_name = gpu_operations.full_name
),
lanes AS (
    SELECT
        trace_id,
        place,
        process_id,
        pid,
        place_id,
        level,
        row_number() OVER (PARTITION BY trace_id ORDER BY place, pid, process_id, place_id, level) - 1
            AS lane_number,
        count(*) OVER (PARTITION BY trace_id) AS lanes,
        max(process_id) OVER (PARTITION BY trace_id) > min(process_id) OVER (PARTITION BY trace_id)
            AS several_processes
    FROM (SELECT DISTINCT trace_id, place, process_id, pid, place_id, level FROM events)
),
placed AS (
    SELECT
        events.*,
        lane_number,
        lanes,
        busy_until(start_ns, end_ns, (kind, event_id), (events.trace_id, lane_number)) AS busy_until_ns
    FROM events
    -- Migrations of managed memory have no stream.
    JOIN lanes
        ON lanes.trace_id = events.trace_id AND lanes.place = events.place
        AND lanes.process_id = events.process_id AND lanes.place_id IS NOT DISTINCT FROM events.place_id
        AND lanes.level IS NOT DISTINCT FROM events.level
),
ranked AS (
    SELECT
        *,
        start_ns - busy_until_ns AS gap_ns,
        busy_until_ns IS NULL
        OR row_number() OVER (
            PARTITION BY trace_id, busy_until_ns IS NULL
            ORDER BY start_ns - busy_until_ns DESC, lane_number, start_ns, end_ns, kind, event_id
        ) <= $max_blocks - lanes AS begins
    FROM placed
),
numbered AS (
    SELECT
        *,
        sum(begins::INTEGER) OVER (
            PARTITION BY trace_id, lane_number ORDER BY start_ns, end_ns, kind, event_id
            ROWS UNBOUNDED PRECEDING
        ) AS block
    FROM ranked
),
blocks AS (
    SELECT
        trace_id,
        lane_number,
        block,
        mode(kind ORDER BY kind) AS kind,
        mode(name ORDER BY name) AS name,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        count(*) AS events,
        sum(
            greatest(
                end_ns - greatest(start_ns, CASE WHEN NOT begins THEN busy_until_ns ELSE start_ns END), 0
            )
        )::BIGINT AS busy_ns,
        greatest(coalesce(max(gap_ns) FILTER (NOT begins), 0), 0) AS hidden_gap_ns
    FROM numbered
    GROUP BY trace_id, lane_number, block
)
SELECT
    trace,
    lane_number,
    CASE WHEN several_processes THEN 'process ' || pid || ', ' ELSE '' END
    || CASE
        WHEN place = 1
            THEN 'GPU ' || coalesce(place_id::VARCHAR, '?') || ' stream ' || coalesce(level::VARCHAR, '?')
        WHEN level < 0 THEN 'thread ' || coalesce(place_id::VARCHAR, '?') || ' start/end'
        ELSE 'thread ' || coalesce(place_id::VARCHAR, '?') || ' depth ' || coalesce(level::VARCHAR, '?')
    END AS lane,
    kind,
    name,
    start_ns,
    end_ns,
    end_ns - start_ns AS duration_ns,
    events,
    busy_ns,
    CASE WHEN end_ns > start_ns THEN 100.0 * busy_ns / (end_ns - start_ns) ELSE 100.0 END AS busy_pct,
    hidden_gap_ns
FROM blocks
JOIN chosen USING (trace_id)
JOIN lanes USING (trace_id, lane_number)
ORDER BY trace, lane_number, start_ns, end_ns, block
