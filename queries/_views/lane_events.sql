-- Everything that has a length on a timeline, with the lane that it stands in (nsys).
--
-- layer says which lanes of a process there are: gpu (kernels, copies, memsets and whole graphs of a stream),
-- projected (push/pop and start/end ranges, as long as the GPU does what was launched in them), range (the
-- same on the CPU), sync, api and os (calls of a thread). A range that was never closed lasts until the end
-- of the recording; what ended before it began has no length. A synchronisation without the call that asked
-- for it has no thread, and stands here where no calls were recorded at all: else it is nsys's own, as its
-- recording ends.
-- @column trace_id BIGINT      the trace it belongs to, see traces
-- @column trace VARCHAR        name of the trace
-- @column process_id BIGINT    process, see processes
-- @column pid BIGINT           process, as its own container numbers it
-- @column layer VARCHAR        gpu, projected, range, sync, api or os
-- @column place_id BIGINT      of gpu the GPU, of what stands on the CPU the thread; NULL for projected
-- @column sublane BIGINT       of gpu the stream, of ranges their depth, -1 for start/end; NULL for others
-- @column kind VARCHAR         kernel, memcpy, memset, graph, range, sync, api or os
-- @column event_id BIGINT      kernel_id, memory_op_id, graph_launch_id, range_id, sync_id, api_call_id or
--         os_call_id; unique within one kind
-- @column operation VARCHAR    function name of a kernel, else what stands on it
-- @column full_name VARCHAR    full C++ name of a kernel; else the same
-- @column start_ns BIGINT      start
-- @column end_ns BIGINT        end
-- @column range_id BIGINT      innermost push/pop range around its call; of a range, itself; NULL for others
-- @column api_call_id BIGINT   the API call that asked for it, or itself; NULL if not recorded

WITH events AS (
    SELECT
        trace_id,
        process_id,
        pid,
        'gpu' AS layer,
        gpu_id::BIGINT AS place_id,
        stream_id AS sublane,
        kind,
        operation_id AS event_id,
        operation,
        full_name,
        start_ns,
        end_ns,
        range_id,
        api_call_id
    FROM gpu_operations
    UNION ALL
    SELECT trace_id, process_id, pid, 'projected', NULL, CASE style WHEN 'startend' THEN -1 ELSE depth END,
           'range', range_id, text, text, gpu_start_ns, gpu_end_ns, range_id, NULL
    FROM nvtx_ranges
    WHERE gpu_start_ns IS NOT NULL
    UNION ALL
    SELECT trace_id, process_id, pid, 'range', tid, CASE style WHEN 'startend' THEN -1 ELSE depth END,
           'range', range_id, text, text, start_ns, coalesce(end_ns, trace_duration_ns), range_id, NULL
    FROM nvtx_ranges
    JOIN traces USING (trace_id)
    WHERE style <> 'mark'
    UNION ALL
    SELECT syncs.trace_id, syncs.process_id, syncs.pid, 'sync', tid, NULL, 'sync', sync_id, sync_type,
           sync_type, syncs.start_ns, syncs.end_ns, range_id, api_call_id
    FROM syncs
    LEFT JOIN api_calls USING (api_call_id)
    WHERE api_call_id IS NOT NULL OR syncs.trace_id NOT IN (SELECT DISTINCT trace_id FROM api_calls)
    UNION ALL
    SELECT trace_id, process_id, pid, 'api', tid, NULL, 'api', api_call_id, name, name, start_ns, end_ns,
           range_id, api_call_id
    FROM api_calls
    UNION ALL
    SELECT trace_id, process_id, pid, 'os', tid, NULL, 'os', os_call_id, name, name, start_ns, end_ns,
           NULL, NULL
    FROM os_calls
)
SELECT
    trace_id,
    trace,
    events.* EXCLUDE (trace_id) REPLACE (greatest(start_ns, coalesce(end_ns, start_ns)) AS end_ns)
FROM events
JOIN traces USING (trace_id)
