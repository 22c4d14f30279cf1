-- The lanes of timelines from the top, and which of them are shown event by event.
--
-- Processes by their pids; in each its streams, the ranges projected onto the GPU, then thread by thread its
-- ranges, synchronisations, API calls and calls of the operating system. Lanes are shown event by event as
-- long as all that are have no more events together: those of GPUs first, if they fit together, then those
-- with fewest.
-- Columns: trace_id, trace, process_id, pid, layer, place_id, sublane, lane_number (from 0), lane_events,
-- whole, first_ns and last_ns of the trace's events, and how what there is is called: process, lane.
-- @param  chosen VARCHAR[]  names of traces; NULL for all
-- @param  most BIGINT       events of a trace that are shown one by one; NULL for all

WITH counted AS (
    SELECT
        * RENAME (events AS lane_events, first_ns AS lane_first_ns, last_ns AS lane_last_ns)
    FROM lane_totals
    WHERE trace_id IN (SELECT trace_id FROM chosen_traces(chosen))
),
numbered AS (
    SELECT
        *,
        sum(lane_events) FILTER (layer = 'gpu') OVER trace AS gpu_events,
        min(lane_first_ns) OVER trace AS first_ns,
        max(lane_last_ns) OVER trace AS last_ns,
        row_number() OVER (
            PARTITION BY trace_id
            ORDER BY
                pid,
                process_id,
                list_position(['gpu', 'projected'], layer) NULLS LAST,
                place_id,
                list_position(['range', 'sync', 'api', 'os'], layer),
                sublane
        ) - 1 AS lane_number
    FROM counted
    WINDOW trace AS (PARTITION BY trace_id)
),
fitting AS (
    SELECT
        *,
        within_limit(
            sum(lane_events) OVER (
                PARTITION BY trace_id ORDER BY layer <> 'gpu' OR gpu_events > most, lane_events, lane_number
            ),
            most
        ) AS whole
    FROM numbered
)
SELECT
    fitting.trace_id,
    fitting.trace,
    fitting.process_id,
    fitting.pid,
    layer,
    place_id,
    sublane,
    lane_number,
    lane_events,
    whole,
    first_ns,
    last_ns,
    concat_ws(' ', coalesce(process, 'process'), coalesce(pid_text, fitting.pid::VARCHAR)) AS process,
    CASE
        WHEN layer = 'gpu'
            THEN concat_ws(' ', 'GPU', coalesce(place_id::VARCHAR, '?'), gpu_name, 'stream',
                           coalesce(sublane::VARCHAR, '?'), named_streams.stream)
        WHEN layer = 'projected' THEN 'NVTX on the GPU ' || if(sublane < 0, 'start/end', 'depth ' || sublane)
        ELSE if(
            place_id IS NULL, 'thread not recorded:', concat_ws(' ', 'thread', place_id::VARCHAR, thread)
        ) || CASE layer
            WHEN 'range' THEN ' NVTX ' || if(sublane < 0, 'start/end', 'depth ' || sublane)
            WHEN 'sync' THEN ' synchronisation'
            WHEN 'api' THEN ' CUDA API'
            ELSE ' OS runtime' END
    END AS lane
FROM fitting
LEFT JOIN process_texts
    ON process_texts.trace_id = fitting.trace_id AND process_texts.process_id = fitting.process_id
LEFT JOIN threads
    ON threads.trace_id = fitting.trace_id AND threads.process_id = fitting.process_id
    AND threads.tid = place_id AND layer <> 'gpu'
LEFT JOIN gpus ON gpus.trace_id = fitting.trace_id AND gpus.gpu_id = place_id AND layer = 'gpu'
LEFT JOIN (
    -- A lane holds the streams of a number of all contexts.
    SELECT trace_id, process_id, gpu_id, stream_id, min(stream) AS stream
    FROM streams
    WHERE stream IS NOT NULL
    GROUP BY ALL
) AS named_streams
    ON named_streams.trace_id = fitting.trace_id AND named_streams.process_id = fitting.process_id
    AND named_streams.gpu_id IS NOT DISTINCT FROM place_id AND named_streams.stream_id = sublane
    AND layer = 'gpu'
