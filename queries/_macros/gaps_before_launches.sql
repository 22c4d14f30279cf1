-- Gaps between the operations of a GPU, cut at the start and the end of the call that launched the next one.
--
-- Gaps before operations whose call was not recorded are left out.
-- Columns: trace, gpu_id, pid and device_id of the next operation, its kind and operation_id, start_ns,
-- duration_ns (at least 1), tid and function of the call, before_call_ns, queued_ns (see cpu_bound_gaps).
-- @param  chosen ANY  names of traces, or one name; NULL for all

WITH ordered AS (
    SELECT
        traces.trace,
        gpu_id,
        pid,
        device_id,
        gpu_operations.kind,
        operation_id,
        api_call_id,
        start_ns AS gap_end_ns,
        busy_until(start_ns, end_ns, (gpu_operations.kind, operation_id), (trace_id, gpu_id))
            AS gap_start_ns
    FROM gpu_operations
    JOIN chosen_traces(chosen) AS traces USING (trace_id)
)
SELECT
    trace,
    gpu_id,
    ordered.pid,
    device_id,
    kind,
    operation_id,
    gap_start_ns AS start_ns,
    gap_end_ns - gap_start_ns AS duration_ns,
    tid,
    name AS function,
    greatest(least(api_calls.start_ns, gap_end_ns) - gap_start_ns, 0) AS before_call_ns,
    greatest(gap_end_ns - greatest(api_calls.end_ns, gap_start_ns), 0) AS queued_ns
FROM ordered
JOIN api_calls USING (api_call_id)
WHERE gap_end_ns > gap_start_ns
