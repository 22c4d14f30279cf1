-- Of start/end ranges the kernels were known; now it is the calls, and those of ranges that cross others, too.

SELECT nvtx_ranges.trace_id, nvtx_ranges.range_id, api_call_id
FROM old.nvtx_ranges AS nvtx_ranges
JOIN old.api_calls AS api_calls
    ON api_calls.trace_id = nvtx_ranges.trace_id AND api_calls.pid = nvtx_ranges.pid
    AND api_calls.tid = nvtx_ranges.tid
WHERE style = 'startend' AND coalesce(end_tid, nvtx_ranges.tid) = nvtx_ranges.tid
    AND api_calls.start_ns >= nvtx_ranges.start_ns
    AND (nvtx_ranges.end_ns IS NULL OR api_calls.end_ns <= nvtx_ranges.end_ns)
