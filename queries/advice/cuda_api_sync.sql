-- Which CUDA calls block the CPU until the GPU is done?
--
-- NVIDIA's counterpart: nsys analyze cuda_api_sync.
-- Calls that wait for all the work of a device, context or stream, longest first. Waiting for an event is
-- the recommended way and not listed. Advice: synchronise less; order streams with cudaStreamWaitEvent, and
-- wait for events with cudaEventSynchronize.
-- @of     timeline
-- @unites trace
-- @param  limit BIGINT = 50     calls per trace; NULL for all
-- @needs  api_calls
-- @column trace VARCHAR         name of the trace
-- @column duration_ns BIGINT    time in the call
-- @column start_ns BIGINT       start of the call
-- @column pid BIGINT            process
-- @column tid BIGINT            thread
-- @column function VARCHAR      function
-- @column api_call_id BIGINT    the call, see api_calls

SELECT
    trace,
    api_calls.duration_ns,
    start_ns,
    pid,
    tid,
    api_calls.name AS function,
    api_call_id
FROM api_calls
JOIN chosen_traces($trace) AS traces USING (trace_id)
-- Those of programs whose threads have default streams of their own end in _ptsz.
WHERE api_calls.name LIKE 'cu%Synchronize%' AND api_calls.name NOT LIKE '%EventSynchronize%'
QUALIFY within_limit(
    row_number() OVER (PARTITION BY trace ORDER BY api_calls.duration_ns DESC, start_ns, api_call_id),
    $limit
)
ORDER BY trace, duration_ns DESC, start_ns, api_call_id
