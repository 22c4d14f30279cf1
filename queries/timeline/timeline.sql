-- What ran when, on every thread and every stream?
--
-- One lane for each CUDA stream and for each depth of the NVTX ranges of a thread. A trace with more events
-- than max_blocks is thinned without hiding a gap that could be seen: of all the gaps between neighbours of a
-- lane, the longest are kept, and events with a shorter one between them become one block. hidden_gap_ns says
-- how long the longest gap inside a block is; a shorter stretch of time (--from, --to) shows more.
-- @of     timeline
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
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
-- Texts and lanes by number, as is all that has to be sorted. Numbers of names are in the order of these.
called AS (
    SELECT operation, distinct_ones.full_name, coalesce(called, operation) AS name
    FROM (
        SELECT DISTINCT operation, full_name FROM gpu_operations JOIN chosen USING (trace_id)
    ) AS distinct_ones
    LEFT JOIN kernels_called($names, '*') AS named
        ON named.name = operation AND named.full_name = distinct_ones.full_name
),
names AS (
    SELECT name, (row_number() OVER (ORDER BY name))::INTEGER AS name_id
    FROM (SELECT name FROM called UNION SELECT text FROM nvtx_ranges WHERE style <> 'mark')
    WHERE name IS NOT NULL
),
lanes AS (
    SELECT
        *,
        (row_number() OVER ())::INTEGER AS lane_id,
        row_number() OVER (PARTITION BY trace_id ORDER BY place, pid, process_id, place_id, level) - 1
            AS lane_number,
        count(*) OVER (PARTITION BY trace_id) AS lanes,
        max(process_id) OVER (PARTITION BY trace_id) > min(process_id) OVER (PARTITION BY trace_id)
            AS several_processes
    FROM (
        -- Ranges first, as the CPU works ahead of the GPU.
        SELECT DISTINCT trace_id, 0 AS place, process_id, pid, tid AS place_id,
                        CASE WHEN style = 'startend' THEN -1 ELSE depth END AS level
        FROM nvtx_ranges
        JOIN chosen USING (trace_id)
        WHERE style <> 'mark'
        UNION
        SELECT DISTINCT trace_id, 1, process_id, pid, device_id, stream_id
        FROM gpu_operations
        JOIN chosen USING (trace_id)
    )
),
events AS (
    SELECT
        lane_id,
        name_id,
        start_ns,
        -- A range that was never closed lasts until the end of the recording.
        greatest(start_ns, coalesce(end_ns, chosen.duration_ns)) AS end_ns,
        operation_number('range', range_id) AS event
    FROM nvtx_ranges
    JOIN chosen USING (trace_id)
    JOIN lanes
        ON lanes.trace_id = nvtx_ranges.trace_id AND place = 0 AND lanes.process_id = nvtx_ranges.process_id
        AND lanes.pid IS NOT DISTINCT FROM nvtx_ranges.pid
        AND place_id IS NOT DISTINCT FROM tid
        AND level IS NOT DISTINCT FROM CASE WHEN style = 'startend' THEN -1 ELSE depth END
    LEFT JOIN names ON name = text
    WHERE style <> 'mark'
    UNION ALL
    SELECT lane_id, name_id, start_ns, coalesce(end_ns, start_ns), operation_number(kind, operation_id)
    FROM gpu_operations
    JOIN chosen USING (trace_id)
    -- Migrations of managed memory have no stream.
    JOIN lanes
        ON lanes.trace_id = gpu_operations.trace_id AND place = 1
        AND lanes.process_id = gpu_operations.process_id
        AND lanes.pid IS NOT DISTINCT FROM gpu_operations.pid
        AND place_id IS NOT DISTINCT FROM device_id AND level IS NOT DISTINCT FROM stream_id
    LEFT JOIN (SELECT operation, full_name, name_id FROM called JOIN names USING (name)) AS called
        ON called.operation = gpu_operations.operation AND called.full_name = gpu_operations.full_name
),
placed AS MATERIALIZED (
    SELECT *, busy_until(start_ns, end_ns, event, lane_id) AS busy_until_ns FROM events
),
-- Each trace is left so many gaps: the longest. Those that are shorter than as many need not be sorted.
gaps AS (
    SELECT trace_id, lanes, lane_number, lane_id, start_ns, end_ns, event, start_ns - busy_until_ns AS gap_ns
    FROM placed
    JOIN lanes USING (lane_id)
    WHERE busy_until_ns IS NOT NULL
),
ends AS (
    SELECT trace_id,
           CASE WHEN $max_blocks BETWEEN 1 AND 10000
                THEN list_min(max(gap_ns, greatest(1, least($max_blocks, 10000)))) END AS least_ns
    FROM gaps
    GROUP BY trace_id
),
last_gaps AS MATERIALIZED (
    SELECT trace_id, gap_ns, lane_number, start_ns, end_ns, event
    FROM gaps
    JOIN ends USING (trace_id)
    WHERE gap_ns >= least_ns IS NOT false
    QUALIFY row_number() OVER (
        PARTITION BY trace_id ORDER BY gap_ns DESC, lane_number, start_ns, end_ns, event
    ) = $max_blocks - lanes
),
ranked AS (
    SELECT
        placed.*,
        placed.start_ns - busy_until_ns AS last_gap_ns,
        busy_until_ns IS NULL
        OR $max_blocks > lanes AND (
            last.trace_id IS NULL
            OR last_gap_ns > last.gap_ns
            OR last_gap_ns = last.gap_ns
                AND (lanes.lane_number, placed.start_ns, placed.end_ns, placed.event)
                    <= (last.lane_number, last.start_ns, last.end_ns, last.event)
        ) AS begins
    FROM placed
    JOIN lanes USING (lane_id)
    LEFT JOIN last_gaps AS last ON last.trace_id = lanes.trace_id
),
numbered AS (
    SELECT
        *,
        sum(begins::INTEGER) OVER (
            PARTITION BY lane_id ORDER BY start_ns, end_ns, event ROWS UNBOUNDED PRECEDING
        ) AS block
    FROM ranked
),
blocks AS (
    SELECT
        lane_id,
        block,
        mode(event >> 60 ORDER BY event >> 60) AS kind_number,
        mode(name_id ORDER BY name_id) AS name_id,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns,
        count(*) AS events,
        sum(
            greatest(
                end_ns - greatest(start_ns, CASE WHEN NOT begins THEN busy_until_ns ELSE start_ns END), 0
            )
        )::BIGINT AS busy_ns,
        greatest(coalesce(max(last_gap_ns) FILTER (NOT begins), 0), 0) AS hidden_gap_ns
    FROM numbered
    GROUP BY lane_id, block
)
SELECT
    chosen.trace,
    lane_number,
    CASE WHEN several_processes THEN 'process ' || coalesce(pid_text, lanes.pid::VARCHAR) || ', ' ELSE '' END
    || CASE
        WHEN place = 1
            THEN 'GPU ' || coalesce(place_id::VARCHAR, '?') || ' stream ' || coalesce(level::VARCHAR, '?')
        WHEN level < 0 THEN 'thread ' || coalesce(place_id::VARCHAR, '?') || ' start/end'
        ELSE 'thread ' || coalesce(place_id::VARCHAR, '?') || ' depth ' || coalesce(level::VARCHAR, '?')
    END AS lane,
    CASE WHEN place = 0 THEN 'range'
         ELSE ['graph', 'kernel', 'memcpy', 'memset'][kind_number + 1] END AS kind,
    name,
    start_ns,
    end_ns,
    end_ns - start_ns AS duration_ns,
    events,
    busy_ns,
    CASE WHEN end_ns > start_ns THEN 100.0 * busy_ns / (end_ns - start_ns) ELSE 100.0 END AS busy_pct,
    hidden_gap_ns
FROM blocks
JOIN lanes USING (lane_id)
JOIN chosen USING (trace_id)
LEFT JOIN names USING (name_id)
LEFT JOIN process_texts
    ON process_texts.trace_id = lanes.trace_id AND process_texts.process_id = lanes.process_id
ORDER BY chosen.trace, lane_number, start_ns, end_ns, block
