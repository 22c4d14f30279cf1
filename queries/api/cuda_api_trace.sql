-- Which CUDA API calls were made, in order?
--
-- NVIDIA's counterpart: nsys stats cuda_api_trace.
-- @of     timeline
-- @unites trace
-- @needs  api_calls
-- @column trace VARCHAR          name of the trace
-- @column start_ns BIGINT        start of the call
-- @column duration_ns BIGINT     time in the call
-- @column function VARCHAR       function
-- @column return_value INTEGER   0 is success
-- @column correlation_id BIGINT  links to the GPU work; unique within one process only
-- @column pid BIGINT             process
-- @column tid BIGINT             thread
-- @column thread VARCHAR         thread name
-- @column api_call_id BIGINT     the call, see api_calls

SELECT
    trace,
    start_ns,
    api_calls.duration_ns,
    api_calls.name AS function,
    return_value,
    correlation_id,
    api_calls.pid,
    api_calls.tid,
    thread,
    api_call_id
FROM api_calls
JOIN chosen_traces($trace) AS traces USING (trace_id)
LEFT JOIN threads
    ON threads.trace_id = api_calls.trace_id AND threads.process_id = api_calls.process_id
    AND threads.tid = api_calls.tid
ORDER BY trace, start_ns, api_call_id
