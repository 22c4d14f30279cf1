-- What happened when on each stream and thread, event by event?
--
-- Of lanes that have more events than max_events together, those with most are left out: timeline_shares
-- tells of these, stretch by stretch. Kernels come first: all of them are there up to that number.
-- @of     timeline
-- @unites trace
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names, see the view kernel_names
-- @param  max_events BIGINT = 200000  events per trace; NULL for all
-- @needs  kernels|nvtx_ranges|memory_ops|graph_launches|api_calls|os_calls timeline
-- @column trace VARCHAR               name of the trace
-- @column lane_number BIGINT          from the top, from 0
-- @column process VARCHAR             executable and pid, see process_texts
-- @column lane VARCHAR                GPU and stream, or thread, and what stands there
-- @column layer VARCHAR               gpu, projected (ranges, on the GPU), range, sync, api or os
-- @column kind VARCHAR                kernel, memcpy, memset, graph, range, sync, api or os
-- @column name VARCHAR                kernel, operation, NVTX message or function
-- @column full_name VARCHAR           full C++ name of a kernel; else the same
-- @column category VARCHAR            kind of work of a kernel, see kernel_patterns; else the kind
-- @column range VARCHAR               innermost NVTX range around its call; of a range itself
-- @column path VARCHAR                messages from the outermost range to that one, joined by /
-- @column function VARCHAR            API call that launched it; NULL if not recorded
-- @column grid VARCHAR                blocks in x, y and z
-- @column block VARCHAR               threads of a block in x, y and z
-- @column registers_per_thread INTEGER  of each thread of a kernel
-- @column shared_bytes BIGINT         static and dynamic shared memory of a block
-- @column bytes BIGINT                moved or set
-- @column start_ns BIGINT             start
-- @column end_ns BIGINT               end
-- @column duration_ns BIGINT          end minus start
-- @column queue_ns BIGINT             from the end of the launching call to the start; negative where
--         it began before the call returned
-- @empty  Nothing was recorded in that stretch of time.

WITH lanes AS (
    FROM timeline_lanes($trace, $max_events)
),
-- What is shown, before it is told what each of it is.
events AS MATERIALIZED (
    SELECT lane_events.*, lane_number, process, lane
    FROM lane_events
    JOIN chosen_traces($trace) AS traces USING (trace_id)
    JOIN lanes
        ON lanes.trace_id = lane_events.trace_id AND lanes.process_id = lane_events.process_id
        AND lanes.layer = lane_events.layer AND lanes.place_id IS NOT DISTINCT FROM lane_events.place_id
        AND lanes.sublane IS NOT DISTINCT FROM lane_events.sublane
    WHERE whole
),
-- What is told of those that are shown: they are few, and begin together, which the planner does not know.
shown_kernels AS (
    SELECT
        kernel_id,
        grid_x,
        grid_y,
        grid_z,
        block_x,
        block_y,
        block_z,
        registers_per_thread,
        static_shared_bytes,
        dynamic_shared_bytes
    FROM kernels
    WHERE kernel_id BETWEEN (SELECT min(event_id) FROM events WHERE kind = 'kernel')
        AND (SELECT max(event_id) FROM events WHERE kind = 'kernel')
),
shown_calls AS (
    SELECT api_call_id, name, end_ns
    FROM api_calls
    WHERE api_call_id BETWEEN (SELECT min(api_call_id) FROM events WHERE layer = 'gpu')
        AND (SELECT max(api_call_id) FROM events WHERE layer = 'gpu')
)
SELECT
    events.trace,
    lane_number,
    process,
    lane,
    events.layer,
    events.kind,
    coalesce(called, operation) AS name,
    events.full_name,
    CASE WHEN events.kind = 'kernel' THEN coalesce(categories.category, 'other') ELSE events.kind END
        AS category,
    nvtx_ranges.text AS range,
    nvtx_ranges.path,
    CASE events.layer WHEN 'gpu' THEN api_calls.name END AS function,
    grid_x || ' × ' || grid_y || ' × ' || grid_z AS grid,
    block_x || ' × ' || block_y || ' × ' || block_z AS block,
    registers_per_thread,
    static_shared_bytes + dynamic_shared_bytes AS shared_bytes,
    memory_ops.bytes,
    events.start_ns,
    events.end_ns,
    events.end_ns - events.start_ns AS duration_ns,
    CASE events.layer WHEN 'gpu' THEN events.start_ns - api_calls.end_ns END AS queue_ns
FROM events
LEFT JOIN kernels_called($names, '*') AS named
    ON events.kind = 'kernel' AND named.name = operation AND named.full_name = events.full_name
LEFT JOIN kernels_categorised AS categories
    ON events.kind = 'kernel' AND categories.full_name = events.full_name
LEFT JOIN shown_kernels ON events.kind = 'kernel' AND kernel_id = event_id
LEFT JOIN memory_ops ON events.kind IN ('memcpy', 'memset') AND memory_op_id = event_id
LEFT JOIN nvtx_ranges ON nvtx_ranges.range_id = events.range_id
LEFT JOIN shown_calls AS api_calls ON events.layer = 'gpu' AND api_calls.api_call_id = events.api_call_id
ORDER BY events.trace, lane_number, events.start_ns, events.end_ns, events.kind, event_id
