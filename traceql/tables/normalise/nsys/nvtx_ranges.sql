-- One row per NVTX range or mark, with what it caused on the GPU.
--
-- The GPU work of a range is what API calls inside it launched on its thread, as in nsys's projection.
-- @when  nvtx_events
-- @fills nvtx_ranges

-- Where one thread launches all, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS launched_elsewhere (range_id BIGINT);

INSERT INTO nvtx_ranges BY NAME
SELECT
    range_id,
    getvariable('trace_id') AS trace_id,
    text,
    domain,
    category,
    CASE event_type WHEN 34 THEN 'mark' WHEN 59 THEN 'pushpop' ELSE 'startend' END AS style,
    nvtx_events.start_ns,
    nvtx_events.end_ns,
    CASE WHEN nvtx_events.end_ns >= nvtx_events.start_ns
         THEN nvtx_events.end_ns - nvtx_events.start_ns END AS duration_ns,
    thread & -16777216 AS process_id,
    thread >> 24 & 16777215 AS pid,
    thread & 16777215 AS tid,
    end_thread & 16777215 AS end_tid,
    color_argb,
    payload,
    parent_id,
    depth,
    path,
    work.start_ns AS gpu_start_ns,
    work.end_ns AS gpu_end_ns,
    busy_ns AS gpu_busy_ns,
    CASE WHEN elsewhere.range_id IS NULL THEN coalesce(operations, 0) END AS gpu_operations,
    CASE WHEN elsewhere.range_id IS NULL THEN coalesce(launches, 0) END AS launches
FROM nvtx_events
JOIN range_places USING (range_id)
LEFT JOIN range_projections AS work USING (range_id)
LEFT JOIN launched_elsewhere AS elsewhere USING (range_id)
