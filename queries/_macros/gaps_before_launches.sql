-- Gaps between the operations of a GPU, cut at the start and the end of the call that launched the next one.
--
-- Gaps before operations whose call was not recorded, or has no known end, are left out.
-- Columns: trace, gpu_id, process_id, pid and device_id of the next operation, its kind and operation_id,
-- start_ns, duration_ns (at least 1), tid and function of the call, before_call_ns, queued_ns (see
-- cpu_bound_gaps).
-- @param  chosen ANY  names of traces, or one name; NULL for all

SELECT
    traces.trace,
    gpu_id,
    process_id,
    pid,
    device_id,
    kind,
    operation_id,
    start_ns,
    duration_ns,
    tid,
    function,
    greatest(least(call_start_ns, end_ns) - start_ns, 0) AS before_call_ns,
    greatest(end_ns - greatest(call_end_ns, start_ns), 0) AS queued_ns
FROM gaps_on_gpus
JOIN chosen_traces(chosen) AS traces USING (trace_id)
WHERE call_end_ns IS NOT NULL
